"""The parts of Keras that a file may name: its own, and none that run code or read files.

Left out on purpose: Lambda, TFSMLayer, JaxLayer, FlaxLayer and TorchModuleWrapper (they hold code), the lookup, hashing
and text layers (vocabulary files), Pipeline and the augmenters that hold others, spectrograms, adaptive pooling and
SpectralNormalization (they loop or allocate in Python as far as a number in the file says).
"""

from __future__ import annotations

from typing import Any

import keras


def words(text: str) -> frozenset[str]:
    """The words of a text; lists of names read best as one."""
    return frozenset(text.split())


_DIMENSIONS = ("1D", "2D", "3D")

LAYERS = words("""
    Activation ActivityRegularization Add AdditiveAttention AlphaDropout Attention Average BatchNormalization
    Bidirectional CategoryEncoding CenterCrop Concatenate Conv1DTranspose Conv2DTranspose Conv3DTranspose Dense
    DepthwiseConv1D DepthwiseConv2D Dot Dropout ELU EinsumDense Embedding Flatten GRU GRUCell GaussianDropout
    GaussianNoise GroupNormalization GroupQueryAttention Identity InputLayer LSTM LSTMCell LayerNormalization LeakyReLU
    Masking Maximum Minimum MultiHeadAttention Multiply Normalization PReLU Permute RMSNormalization RNN
    RandomBrightness RandomContrast RandomCrop RandomFlip RandomRotation RandomTranslation RandomZoom ReLU RepeatVector
    Rescaling Reshape Resizing SeparableConv1D SeparableConv2D SimpleRNN SimpleRNNCell Softmax StackedRNNCells Subtract
    TimeDistributed UnitNormalization
    """) | {
    kind + size
    for kind in words(
        "AveragePooling Conv ConvLSTM Cropping GlobalAveragePooling GlobalMaxPooling MaxPooling SpatialDropout "
        "UpSampling ZeroPadding"
    )
    for size in _DIMENSIONS
}

# The names under which older Keras wrote the same layers.
LAYER_ALIASES = {
    "Convolution1D": "Conv1D",
    "Convolution2D": "Conv2D",
    "Convolution3D": "Conv3D",
    "SeparableConvolution2D": "SeparableConv2D",
    "GroupedQueryAttention": "GroupQueryAttention",
    "BatchNormalizationV1": "BatchNormalization",
    "BatchNormalizationV2": "BatchNormalization",
    "LSTMV2": "LSTM",
    "GRUV2": "GRU",
}

INITIALIZERS = words("""
    Constant GlorotNormal GlorotUniform HeNormal HeUniform Identity LecunNormal LecunUniform Ones Orthogonal
    RandomNormal RandomUniform TruncatedNormal VarianceScaling Zeros
    """)
INITIALIZER_ALIASES = {
    "IdentityInitializer": "Identity",
    "OrthogonalInitializer": "Orthogonal",
    "uniform": "RandomUniform",
    "normal": "RandomNormal",
    "zero": "Zeros",
    "one": "Ones",
}
REGULARIZERS = frozenset({"L1", "L2", "L1L2", "OrthogonalRegularizer"})
REGULARIZER_ALIASES = {"l1_l2": "L1L2"}
CONSTRAINTS = frozenset({"MaxNorm", "MinMaxNorm", "NonNeg", "UnitNorm"})
CONSTRAINT_ALIASES = {"maxnorm": "MaxNorm", "nonneg": "NonNeg", "unitnorm": "UnitNorm"}

OPTIMIZERS = words("Adadelta Adafactor Adagrad Adam AdamW Adamax Ftrl Lamb Lion LossScaleOptimizer Nadam RMSprop SGD")
SCHEDULES = words(
    "CosineDecay CosineDecayRestarts ExponentialDecay InverseTimeDecay PiecewiseConstantDecay PolynomialDecay"
)
LOSSES = words("""
    BinaryCrossentropy BinaryFocalCrossentropy CategoricalCrossentropy CategoricalFocalCrossentropy CategoricalHinge
    CosineSimilarity Dice Hinge Huber KLDivergence LogCosh MeanAbsoluteError MeanAbsolutePercentageError
    MeanSquaredError MeanSquaredLogarithmicError Poisson SparseCategoricalCrossentropy SquaredHinge Tversky
    """)
METRICS = words("""
    AUC Accuracy BinaryAccuracy BinaryCrossentropy BinaryIoU CategoricalAccuracy CategoricalCrossentropy
    CategoricalHinge CosineSimilarity F1Score FBetaScore FalseNegatives FalsePositives Hinge IoU KLDivergence
    LogCoshError Mean MeanAbsoluteError MeanAbsolutePercentageError MeanIoU MeanSquaredError MeanSquaredLogarithmicError
    OneHotIoU OneHotMeanIoU Poisson Precision PrecisionAtRecall R2Score Recall RecallAtPrecision RootMeanSquaredError
    SensitivityAtSpecificity SparseCategoricalAccuracy SparseCategoricalCrossentropy SparseTopKCategoricalAccuracy
    SpecificityAtSensitivity SquaredHinge Sum TopKCategoricalAccuracy TrueNegatives TruePositives
    """)
# What compile takes as words: Keras's own functions by name, and its short forms.
LOSS_WORDS = words("""
    binary_crossentropy binary_focal_crossentropy categorical_crossentropy categorical_focal_crossentropy
    categorical_hinge cosine_similarity dice hinge huber kl_divergence log_cosh mean_absolute_error
    mean_absolute_percentage_error mean_squared_error mean_squared_logarithmic_error poisson
    sparse_categorical_crossentropy squared_hinge tversky mse mae mape msle bce MSE MAE MAPE MSLE BCE kld KLD
    """)
METRIC_WORDS = LOSS_WORDS | words("""
    accuracy acc crossentropy ce binary_accuracy categorical_accuracy sparse_categorical_accuracy
    sparse_top_k_categorical_accuracy top_k_categorical_accuracy
    """)

ACTIVATIONS = words("""
    celu elu exponential gelu glu hard_shrink hard_sigmoid hard_silu hard_swish hard_tanh leaky_relu linear log_sigmoid
    log_softmax mish relu relu6 selu sigmoid silu soft_shrink softmax softplus softsign sparse_plus sparse_sigmoid
    sparsemax squareplus swish tanh tanh_shrink threshold
    """)
# TensorFlow's functions, as Keras 2 wrote `activation=tf.nn.softmax`.
ACTIVATION_ALIASES = {"softmax_v2": "softmax", "leaky_relu_v2": "leaky_relu", "swish_v1": "swish"}

DTYPES = words("""
    float16 bfloat16 float32 float64 int8 int16 int32 int64 uint8 uint16 uint32 uint64 bool mixed_float16 mixed_bfloat16
    """)


def keras_class(kind: str, name: str) -> Any:
    """The class `keras.<kind>.<name>`; the caller has checked the name against one of the lists above."""
    place: Any = keras
    for part in kind.split("."):
        place = getattr(place, part)
    return getattr(place, name, None)
