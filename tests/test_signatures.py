"""All fits share their options: names, defaults and descriptions are those of `fit`."""

import inspect
import re

import pytest

import inr
from inr import signals

VERBS = (
    inr.fit,
    inr.fit_many,
    inr.fit_least_squares,
    inr.fit_grid,
    inr.fit_image,
    inr.fit_audio,
    inr.fit_video,
    inr.fit_shape,
    signals.fit_gradient,
    signals.fit_laplacian,
    signals.fit_helmholtz,
    signals.fit_wave,
    inr.merging.merge_fields,
)
IDS = [verb.__name__ for verb in VERBS]
# Good defaults depend on the signal.
OWN_DEFAULTS = {"num_steps", "batch_size"}
ORDER = (
    "model",
    "num_steps",
    "batch_size",
    "optimizer",
    "init",
    "target_loss",
    "target_psnr",
    "sharding",
    "checkpoint",
    "progress",
    "callback",
)


def options_of(verb):
    parameters = inspect.signature(verb).parameters.values()
    return {p.name: p for p in parameters if p.kind is p.KEYWORD_ONLY}


def descriptions_of(verb):
    """First sentence of the description of every argument."""
    doc = inspect.getdoc(verb).split("Args:\n")[1].split("\n\n")[0]
    entries = re.split(r"^  (?=\w+: )", doc, flags=re.MULTILINE)[1:]
    pairs = (entry.split(": ", 1) for entry in entries)
    return {
        name: re.split(r"(?<=\.) (?=[A-Z])", " ".join(text.split()))[0]
        for name, text in pairs
    }


@pytest.mark.parametrize("verb", VERBS, ids=IDS)
def test_a_fit_has_at_most_twelve_options_in_one_order(verb):
    options = options_of(verb)
    assert len(options) <= 12
    shared = [name for name in options if name in ORDER]
    assert shared == sorted(shared, key=ORDER.index)


@pytest.mark.parametrize("verb", VERBS, ids=IDS)
def test_shared_options_are_those_of_fit(verb):
    """Among them the annotation, except for the type of a batch size."""
    general, options = options_of(inr.fit), options_of(verb)
    for name in general.keys() & options.keys():
        if name not in OWN_DEFAULTS:
            assert options[name].default == general[name].default, name
            assert options[name].annotation == general[name].annotation, name
        assert descriptions_of(verb)[name] == descriptions_of(inr.fit)[name], name


@pytest.mark.parametrize("verb", VERBS, ids=IDS)
def test_the_key_is_first_and_options_with_defaults_are_keywords(verb):
    parameters = list(inspect.signature(verb).parameters.values())
    assert parameters[0].name == "key"
    for parameter in parameters:
        assert parameter.kind is not parameter.VAR_KEYWORD
        has_default = parameter.default is not parameter.empty
        assert has_default == (parameter.kind is parameter.KEYWORD_ONLY)


@pytest.mark.parametrize(
    ("verb", "data"),
    [
        (inr.fit_image, "image"),
        (inr.fit_audio, "samples"),
        (inr.fit_video, "frames"),
        (inr.fit_shape, "shape"),
        (signals.fit_gradient, "guidance"),
        (signals.fit_laplacian, "laplacian"),
        (signals.fit_helmholtz, "wavenumber"),
        (signals.fit_wave, "initial"),
    ],
)
def test_a_signal_comes_first_and_has_a_default_model(verb, data):
    names = list(inspect.signature(verb).parameters)
    assert names[1] == data
    assert options_of(verb)["model"].default is None


def test_target_psnr_replaces_target_loss():
    sentences = {}
    for verb in VERBS:
        options = options_of(verb)
        assert not {"target_loss", "target_psnr"} <= options.keys()
        if "target_psnr" in options:
            assert options["target_psnr"].default == float("inf")
            sentences[verb] = descriptions_of(verb)["target_psnr"]
    assert len(sentences) == 2
    assert set(sentences.values()) == {"PSNR in dB at which the fit stops."}
