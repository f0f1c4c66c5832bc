"""Field families, their layers and initializers, and the files that keep them."""

from inr.fields.activations import Finer as Finer, Gauss as Gauss, Wire as Wire
from inr.fields.bacon import Bacon as Bacon, bacon_residual as bacon_residual
from inr.fields.base import (
    BoundField as BoundField,
    FieldModule as FieldModule,
    bind as bind,
    check_module as check_module,
)
from inr.fields.convolutions import SineConv as SineConv
from inr.fields.files import (
    FieldFile as FieldFile,
    load_field as load_field,
    save_field as save_field,
)
from inr.fields.fourier import (
    FourierFeatures as FourierFeatures,
    PositionalEncoding as PositionalEncoding,
)
from inr.fields.glsl import to_glsl as to_glsl
from inr.fields.hash_grid import HashGrid as HashGrid
from inr.fields.multiplicative import (
    FourierNet as FourierNet,
    GaborNet as GaborNet,
)
from inr.fields.siren import Siren as Siren
from inr.fields.spectrum import suggest_omega as suggest_omega
from inr.fields.stablehlo import (
    from_stablehlo as from_stablehlo,
    to_stablehlo as to_stablehlo,
)
