"""The database that a study is told to: its URL, its driver, and how it is opened."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sonmat.errors import RecipeError, UnsupportedError
from sonmat.language import say

if TYPE_CHECKING:
    from optuna.storages import RDBStorage
    from sqlalchemy.engine import URL

_DRIVERS = {  # dialect → module and SQLAlchemy's name of the driver, and the package that brings it; the first is advised
    "postgresql": (("psycopg", "psycopg", "psycopg[binary]"), ("psycopg2", "psycopg2", "psycopg2-binary")),
    "mysql": (("pymysql", "pymysql", "pymysql"), ("MySQLdb", "mysqldb", "mysqlclient")),
    "mariadb": (("pymysql", "pymysql", "pymysql"), ("MySQLdb", "mysqldb", "mysqlclient")),
    "oracle": (("oracledb", "oracledb", "oracledb"),),
    "mssql": (("pyodbc", "pyodbc", "pyodbc"),),
}
_ALIASES = {"postgres": "postgresql"}
_LIBPQ = {  # so that a server that vanished is noticed within about a minute, not within hours
    "connect_timeout": 10,
    "keepalives_idle": 20,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 60_000,
}
_ARGUMENTS: dict[str, dict[str, Any]] = {
    "postgresql": _LIBPQ,
    "mysql": {"connect_timeout": 10},
    "mariadb": {"connect_timeout": 10},
    "sqlite": {"timeout": 30},
}


def settled(url: str, folder: Path) -> str:
    """The URL as it is kept: with SQLite's file by its whole path, so that a study goes on from any folder.

    Args:
        url: As it was given.
        folder: What a relative path of SQLite's is meant from.

    Raises:
        RecipeError: It is no URL of a database, or one of a database that vanishes with the process.
    """
    parsed = _parsed(url)
    if parsed.get_backend_name() != "sqlite":
        return url
    name = parsed.database
    if not name or ":memory:" in name or "mode=memory" in url:
        raise RecipeError(
            say(
                f"A study cannot be kept in {url}, which is memory.",
                f"{url}은(는) 메모리라서 스터디를 보관할 수 없습니다.",
            ),
            say("Name a file: sqlite:///study.db.", "파일을 쓰세요: sqlite:///study.db."),
        )
    if name.startswith("file:") or Path(name).is_absolute():
        return url
    return parsed.set(database=str(folder.absolute() / name)).render_as_string(hide_password=False)


def shown(url: str) -> str:
    """The URL without its password, for messages."""
    try:
        parsed = _parsed(url)
    except RecipeError:
        return "…"
    secret = {name: "hidden" for name in parsed.query if "pass" in name.lower()}
    return parsed.update_query_dict(secret).render_as_string(hide_password=True)


def open_database(url: str) -> RDBStorage:
    """The database, with Optuna's tables in it.

    Raises:
        RecipeError: It is no URL of a database, or of one that Optuna cannot use.
        UnsupportedError: Its driver is not installed; says which to install.
        sqlalchemy.exc.SQLAlchemyError, optuna.exceptions.StorageInternalError: It does not answer, or refuses.
    """
    from optuna.storages import RDBStorage
    from sqlalchemy.exc import ArgumentError, NoSuchModuleError

    parsed = _driven(_parsed(url))
    arguments = _ARGUMENTS.get(parsed.get_backend_name(), {})
    if parsed.get_backend_name() == "postgresql" and not parsed.drivername.endswith(("psycopg", "psycopg2")):
        arguments = {}  # another driver has other words for them
    options = {
        "pool_pre_ping": True,
        "connect_args": {name: value for name, value in arguments.items() if name not in parsed.query},
    }
    try:
        return RDBStorage(parsed.render_as_string(hide_password=False), engine_kwargs=options)
    except ImportError as error:
        raise _no_driver(parsed) from error
    except RuntimeError as error:  # tables of another version of Optuna's
        raise UnsupportedError(
            str(error),
            say(
                f"With that version: optuna storage upgrade --storage {shown(url)}",
                f"그 버전에서 실행하세요: optuna storage upgrade --storage {shown(url)}",
            ),
        ) from error
    except (ArgumentError, NoSuchModuleError, KeyError, ValueError, IndexError) as error:
        raise _no_url(shown(url), str(error)) from error


def _parsed(url: str) -> URL:
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    dialect, colon, rest = url.partition(":")
    try:
        parsed = make_url(f"{_ALIASES.get(dialect, dialect)}{colon}{rest}")
    except (ArgumentError, ValueError) as error:
        raise _no_url("…" if "@" in url else url, "not of the form dialect://user@host/name") from error
    return parsed


def _driven(url: URL) -> URL:
    """The URL with a driver that is installed, where it names none."""
    if "+" in url.drivername or url.drivername not in _DRIVERS:
        return url
    for module, driver, _ in _DRIVERS[url.drivername]:
        if importlib.util.find_spec(module) is not None:
            return url.set(drivername=f"{url.drivername}+{driver}")
    raise _no_driver(url)


def _no_driver(url: URL) -> UnsupportedError:
    dialect, _, driver = url.drivername.partition("+")
    known = _DRIVERS.get(dialect, ())
    package = next((package for _, name, package in known if driver in ("", name)), driver or dialect)
    return UnsupportedError(
        say(
            f"The driver for {dialect} databases is not installed.",
            f"{dialect} 데이터베이스 드라이버가 설치되어 있지 않습니다.",
        ),
        say(f"Install it: python -m pip install '{package}'", f"설치하세요: python -m pip install '{package}'"),
    )


def _no_url(url: str, reason: str) -> RecipeError:
    return RecipeError(
        say(
            f"{url} is no database that can be used: {reason}.",
            f"{url}은(는) 쓸 수 있는 데이터베이스가 아닙니다: {reason}.",
        ),
        say(
            "Give a URL such as postgresql://me@host/name, mysql://me@host/name or sqlite:///study.db.",
            "postgresql://me@host/name, mysql://me@host/name, sqlite:///study.db 같은 URL을 쓰세요.",
        ),
    )
