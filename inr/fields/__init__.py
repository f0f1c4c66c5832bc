"""Field families, their layers and initializers, files and exports."""

from inr._registry import register as register
from inr.fields import (
    encodings as encodings,
    init as init,
    streams as streams,
)
from inr.fields.activations import Finer as Finer, Gauss as Gauss, Wire as Wire
from inr.fields.bacon import Bacon as Bacon, bacon_residual as bacon_residual
from inr.fields.base import (
    FieldModule as FieldModule,
)
from inr.fields.bound import (
    BoundField as BoundField,
    bind as bind,
)
from inr.fields.convolutions import SineConv as SineConv
from inr.fields.files import (
    FieldFile as FieldFile,
    check_registered as check_registered,
    example_inputs as example_inputs,
    load_field as load_field,
    save_field as save_field,
)
from inr.fields.fourier import (
    FourierFeatures as FourierFeatures,
    PositionalEncoding as PositionalEncoding,
)
from inr.fields.glsl import to_glsl as to_glsl
from inr.fields.hash_grid import HashGrid as HashGrid
from inr.fields.layers import (
    OUTPUT_LAYER as OUTPUT_LAYER,
    Affine as Affine,
    perceptron as perceptron,
)
from inr.fields.modulated import Modulated as Modulated
from inr.fields.multiplicative import (
    FourierNet as FourierNet,
    GaborNet as GaborNet,
)
from inr.fields.shader_network import (
    ShaderActivation as ShaderActivation,
    ShaderLayer as ShaderLayer,
    shader_layers as shader_layers,
)
from inr.fields.sine import cosine as cosine, sine as sine
from inr.fields.siren import Siren as Siren
from inr.fields.spectrum import suggest_omega as suggest_omega
from inr.fields.stablehlo import (
    from_stablehlo as from_stablehlo,
    to_stablehlo as to_stablehlo,
)
from inr.fields.store_arrays import stored_error as stored_error
from inr.fields.stores import (
    FieldStore as FieldStore,
    StoreInfo as StoreInfo,
    load_fields as load_fields,
    save_fields as save_fields,
)
