"""Signals other than images: sound and video."""

from inr.signals.audio import fit_audio as fit_audio
from inr.signals.video import fit_video as fit_video
