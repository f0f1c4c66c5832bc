"""Texture transfer: upscaling and inpainting by reference images."""

from inr.references.attention import (
    Match as Match,
    match_patches as match_patches,
    transfer as transfer,
)
from inr.references.generator import Textures as Textures
from inr.references.loss import texture_loss as texture_loss
from inr.references.transformer import (
    TextureExtractor as TextureExtractor,
    TextureTransformer as TextureTransformer,
    vgg_textures as vgg_textures,
)
from inr.references.verbs import (
    inpaint as inpaint,
    match_references as match_references,
    upscale_by_reference as upscale_by_reference,
)
