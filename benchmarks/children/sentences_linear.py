"""A tuned linear model of character n-grams for one split of sentences: what `textcnn` is held against.

Run by the peers' Python: `python sentences_linear.py TRAIN.json TEST.json OUT.json`. The files hold `texts` and `labels`, those of
training `validation` too, the numbers of the rows that settings are chosen by. The best setting is then fitted to all training rows.
"""

from __future__ import annotations

import itertools
import json
import sys
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.svm import LinearSVC

RANGES = ((1, 3), (1, 4), (1, 5))
ANALYZERS = ("char", "char_wb")
STRENGTHS = {"svm": (0.1, 0.3, 1.0, 3.0), "logistic": (3.0, 10.0, 30.0)}


def vectorizer(analyzer: str, ngrams: tuple[int, int]) -> Any:
    """TF-IDF of character n-grams."""
    return TfidfVectorizer(analyzer=analyzer, ngram_range=ngrams, sublinear_tf=True, min_df=1)


def classifier(kind: str, strength: float) -> Any:
    """A linear classifier."""
    if kind == "svm":
        return LinearSVC(C=strength, dual="auto")
    return LogisticRegression(C=strength, max_iter=1000)


def main() -> None:
    """Tune on the validation rows, fit to all, and say what the test rows give."""
    train, test = (json.loads(Path(path).read_text(encoding="utf-8")) for path in sys.argv[1:3])
    texts, labels = np.array(train["texts"], object), np.array(train["labels"])
    held = np.zeros(len(texts), bool)
    held[train["validation"]] = True
    began = time.perf_counter()
    tried = []
    for analyzer, ngrams in itertools.product(ANALYZERS, RANGES):
        vectors = vectorizer(analyzer, ngrams)
        inside, outside = vectors.fit_transform(texts[~held]), vectors.transform(texts[held])
        for kind, strength in ((kind, one) for kind, every in STRENGTHS.items() for one in every):
            found = classifier(kind, strength).fit(inside, labels[~held])
            tried.append((float(found.score(outside, labels[held])), analyzer, ngrams, kind, strength))
    best = max(tried, key=lambda one: one[0])
    model = make_pipeline(vectorizer(*best[1:3]), classifier(*best[3:])).fit(texts, labels)
    told = {
        "accuracy": float(model.score(np.array(test["texts"], object), np.array(test["labels"]))),
        "validation": best[0],
        "settings": {"analyzer": best[1], "ngrams": list(best[2]), "kind": best[3], "C": best[4]},
        "tried": len(tried),
        "seconds": round(time.perf_counter() - began, 1),
        "versions": {"scikit-learn": version("scikit-learn")},
    }
    Path(sys.argv[3]).write_text(json.dumps(told), encoding="utf-8")


if __name__ == "__main__":
    main()
