"""Colorization of gray images: models, their losses, and `colorize`.

Modules: `restorer` and `restorer_loss` (mean color and detail at any point),
`hypercolumn`, `hypercolumn_samples`, `hypercolumn_loss` and `guided` (distributions of
the colors, from the features of VGG16), `diffusion_restorer`, `diffusion_loss` and
`sampling` (samples of the colors), `grid_colorizer`, `convolutional`, `fully_connected`
and `grid_loss` (colors on a grid), `fields` (gray images as fields of color), `hints`
(colors that a user gives for a few points) and `colorizing` (`colorize`,
`colorize_samples`). The verbs accept any registered model whose `task` is `"colorize"`
or `"colorize_samples"`, see `inr.models.ConditionalModel`.
"""

from inr.colorization.colorizing import (
    colorize as colorize,
    colorize_samples as colorize_samples,
)
from inr.colorization.convolutional import (
    FULL_RELU as FULL_RELU,
    FULL_SIREN as FULL_SIREN,
    SIREN_RELU_SIREN as SIREN_RELU_SIREN,
    Colorizer as Colorizer,
)
from inr.colorization.diffusion_loss import diffusion_loss as diffusion_loss
from inr.colorization.diffusion_restorer import DiffusionRestorer as DiffusionRestorer
from inr.colorization.fields import (
    LumaChromaField as LumaChromaField,
    colorization_field as colorization_field,
    sampled_colorization_field as sampled_colorization_field,
)
from inr.colorization.fully_connected import (
    DenseColorizer as DenseColorizer,
    PatchColorizer as PatchColorizer,
)
from inr.colorization.grid_colorizer import GridColorizer as GridColorizer
from inr.colorization.grid_loss import colorizer_loss as colorizer_loss
from inr.colorization.hints import HintedField as HintedField
from inr.colorization.hypercolumn import HypercolumnColorizer as HypercolumnColorizer
from inr.colorization.hypercolumn_loss import hypercolumn_loss as hypercolumn_loss
from inr.colorization.hypercolumn_samples import (
    HypercolumnSamples as HypercolumnSamples,
    hypercolumn_samples as hypercolumn_samples,
    init_hypercolumns as init_hypercolumns,
    perceptron_inputs as perceptron_inputs,
)
from inr.colorization.restorer import Restorer as Restorer
from inr.colorization.restorer_loss import restorer_loss as restorer_loss
from inr.colorization.sampling import (
    PRESETS as PRESETS,
    Preset as Preset,
    SampledField as SampledField,
)
