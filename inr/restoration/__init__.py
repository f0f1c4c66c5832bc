"""Images from images: an encoder's map of features, decoded at any point."""

from inr.restoration.attention import (
    Match as Match,
    match_patches as match_patches,
    transfer as transfer,
)
from inr.restoration.colorizers import (
    FULL_RELU as FULL_RELU,
    FULL_SIREN as FULL_SIREN,
    SIREN_RELU_SIREN as SIREN_RELU_SIREN,
    Colorizer as Colorizer,
)
from inr.restoration.colorizing import (
    DetailedField as DetailedField,
    bind_restorer as bind_restorer,
    colorize as colorize,
    draw_restorer as draw_restorer,
)
from inr.restoration.diffusion_restorer import DiffusionRestorer as DiffusionRestorer
from inr.restoration.encoder import (
    Encoder as Encoder,
    FeatureMap as FeatureMap,
    FlatEncoder as FlatEncoder,
    TrunkEncoder as TrunkEncoder,
    gray_trunk as gray_trunk,
)
from inr.restoration.files import (
    LoadedModel as LoadedModel,
    load_model as load_model,
    save_model as save_model,
)
from inr.restoration.fully_connected import (
    DenseColorizer as DenseColorizer,
    PatchColorizer as PatchColorizer,
)
from inr.restoration.generator import Textures as Textures
from inr.restoration.grid_losses import (
    colorizer_loss as colorizer_loss,
    texture_loss as texture_loss,
    upscaler_loss as upscaler_loss,
)
from inr.restoration.heads import MLPHead as MLPHead, WaveHead as WaveHead
from inr.restoration.losses import (
    diffusion_loss as diffusion_loss,
    restorer_loss as restorer_loss,
)
from inr.restoration.referencing import (
    inpaint_by_reference as inpaint_by_reference,
    match_references as match_references,
    upscale_by_reference as upscale_by_reference,
)
from inr.restoration.restorer import (
    Decoder as Decoder,
    Restorer as Restorer,
)
from inr.restoration.sampling import (
    PRESETS as PRESETS,
    SampledField as SampledField,
)
from inr.restoration.texture import (
    TextureExtractor as TextureExtractor,
    TextureTransformer as TextureTransformer,
    vgg_textures as vgg_textures,
)
from inr.restoration.upscaler import Upscaler as Upscaler
from inr.restoration.upscaling import upscale as upscale
