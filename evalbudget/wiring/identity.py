"""A model and what is known of its server → the identity that makes its figures comparable."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from evalbudget.errors import InputError
from evalbudget.fingerprint import digest, is_secret_name, meaningful_flags, plain_json, without_places
from evalbudget.reasoning.budgets.force import custom, force_string
from evalbudget.records import JsonValue, ServerFacts
from evalbudget.suite import Model, Suite
from evalbudget.wiring.places import in_hub_cache, on_this_machine
from evalbudget.wiring.shifts import GPU_VARIABLES
from evalbudget.wiring.weights import LocalWeights, read_weights

_TYPES = {
    "bfloat16": "bf16",
    "float16": "f16",
    "fp16": "f16",
    "half": "f16",
    "float32": "f32",
    "fp32": "f32",
    "float": "f32",
}
"""One word for a type, whatever the engine calls it."""
_ENDINGS = ("forcausallm", "forconditionalgeneration", "lmheadmodel", "model")
_OF_PLACE = frozenset(
    {
        *GPU_VARIABLES,
        "HF_HOME",
        "HF_HUB_CACHE",
        "HF_HUB_OFFLINE",
        "HOME",
        "PATH",
        "OMP_NUM_THREADS",
    }
)
"""Variables that say where a server runs and where its files are."""
_MOST_TEMPLATE = 4 * 1024 * 1024


def identity_of(model: Model, suite: Suite, facts: ServerFacts) -> dict[str, JsonValue]:
    """What makes two runs of this model comparable, by name (`fingerprint.names`); the unknown is absent.

    Reads weights that lie on this machine: some 0.2 s for a GGUF of 256 MiB, 8 MiB of a larger one; call it
    in a thread. Never in it: paths, addresses, run ids, times, keys, concurrency, room in the cache.
    """
    local = _local(model, suite, facts)
    flags = meaningful_flags(facts.flags)
    kv_dtype = _type(facts.kv_dtype) or _cache_type(flags) or _type(model.kv_dtype)
    found: dict[str, JsonValue] = {
        "weights": _weights(model, facts, local),
        "base_model": _text(local.base_model or _base_model(facts)),
        "architecture": _architecture(facts.architecture or local.architecture),
        "quantization": _lower(model.quantization or facts.quantization or local.quantization),
        "weight_dtype": _type(facts.weight_dtype or local.weight_dtype),
        "engine": _text(facts.engine),
        "engine_version": _text(facts.engine_version),
        "kv_dtype": kv_dtype,
        "max_model_len": facts.max_model_len,
        "ranks": facts.ranks,
        "template": _template(facts, local, flags),
        "prefix_caching": _prefix_caching(flags),
        "effort": model.effort,
        "force_string": _closing(model, suite, facts),
        "prompt_opens_thinking": model.prompt_opens_thinking,
        "extra_body": without_places(model.extra_body) if model.extra_body else None,
        "flags": flags if facts.flags else None,
        "environment": _environment(model, facts),
        "patches": _patches(model, facts),
    }
    return {name: plain_json(value) for name, value in found.items() if value is not None}


def _local(model: Model, suite: Suite, facts: ServerFacts) -> LocalWeights:
    """The weights' files: the suite's GGUF, or what a server on this machine names."""
    if model.gguf is not None:
        with suppress(InputError):
            return read_weights(suite.locate(model.gguf)) or LocalWeights()
        return LocalWeights()
    found = (read_weights(place) for place in _places(model, facts))
    return next((each for each in found if each is not None), LocalWeights())


def _places(model: Model, facts: ServerFacts) -> Iterator[Path]:
    """Only what a server on this machine names is looked for on it."""
    named = facts.model_path
    here = None if named is None else on_this_machine(model, named)
    if named is None or here is None:
        return
    yield here
    cached = in_hub_cache(named)
    if cached is not None:
        yield cached


def _weights(model: Model, facts: ServerFacts, local: LocalWeights) -> JsonValue:
    """Each way in which these weights can be told from others; their name only where files tell nothing."""
    ways: dict[str, JsonValue] = {"file": local.file, "folder": local.folder, "told": _text(facts.weights)}
    if local.file is None and local.folder is None:
        ways["named"] = _text(facts.model_path or facts.served_model or model.model)
    return {way: value for way, value in ways.items() if value is not None} or None


def _base_model(facts: ServerFacts) -> str | None:
    """As a GGUF's metadata name it, where the server shows them."""
    named = [facts.metadata.get(f"general.{key}") for key in ("basename", "finetune", "size_label")]
    return " ".join(str(each) for each in named if isinstance(each, str)) if named[0] else None


def _architecture(name: str | None) -> str | None:
    """One word for `Qwen3ForCausalLM` and `qwen3`, `Glm4MoeLiteForCausalLM` and `glm4_moe_lite`."""
    if name is None:
        return None
    plain = name.lower().replace("_", "").replace("-", "")
    for ending in _ENDINGS:
        if plain.endswith(ending) and plain != ending:
            return _text(plain.removesuffix(ending))
    return _text(plain)


def _type(name: str | None) -> str | None:
    word = _lower(name)
    if word is None:
        return None
    return "/".join(
        _TYPES.get(part.removeprefix("torch."), part.removeprefix("torch.")) for part in word.split("/")
    )


def _cache_type(flags: Mapping[str, JsonValue]) -> str | None:
    """Where the server does not tell its cache's type, what it was started with."""
    whole = flags.get("kv_cache_dtype") or flags.get("kv_dtype") or flags.get("cache_type")
    if isinstance(whole, str):
        return _type(whole)
    keys, values = flags.get("cache_type_k"), flags.get("cache_type_v")
    if keys is None and values is None:
        return None
    both = [str(keys or "f16"), str(values or "f16")]
    return _type("/".join(dict.fromkeys(both)))


def _template(facts: ServerFacts, local: LocalWeights, flags: Mapping[str, JsonValue]) -> str | None:
    """The hash of the template in use: the server's word; else that beside the weights, where no flag sets
    another. White space around it does not count."""
    text = facts.template
    if text is None and "chat_template" not in flags and "chat_template_file" not in flags:
        text = local.template
    return None if text is None else digest(text[:_MOST_TEMPLATE].replace("\r\n", "\n").strip())


def _prefix_caching(flags: Mapping[str, JsonValue]) -> bool | None:
    """Whether prompts are looked up among earlier ones, as far as flags tell."""
    for name in ("enable_prefix_caching", "cache_prompt"):
        if name in flags:
            return flags[name] is not False
    for name in ("no_enable_prefix_caching", "no_cache_prompt", "disable_radix_cache"):
        if name in flags:
            return flags[name] is False
    return None


def _closing(model: Model, suite: Suite, facts: ServerFacts) -> JsonValue:
    """What closes a thinking that this suite cuts; None where it cuts none."""
    budgets = [budget for entry in suite.tasks for budget in entry.budgets or suite.budgets]
    limited = any(budget is not None for budget in budgets)
    if suite.loops != "rescue" and not (limited and suite.holds_budgets_by in {"trace", "force"}):
        return None
    family = force_string(model.family, facts.served_model, model.name, facts.architecture)
    if model.force_string is None:
        return family.closing
    with suppress(ValueError):
        return custom(model.force_string, family).closing
    return model.force_string


def _environment(model: Model, facts: ServerFacts) -> JsonValue:
    """Name → a hash of its value, where the suite sets it; of what may be a secret only that it is set."""
    if model.serve is None:
        names = facts.flags.get("env")
        return {str(name)[:200]: "set" for name in names} if isinstance(names, list) else None
    return {
        name: "set" if is_secret_name(name) else f"hash {digest(value)}"
        for name, value in model.serve.env.items()
        if name not in _OF_PLACE
    }


def _patches(model: Model, facts: ServerFacts) -> JsonValue:
    """Name → the first digits of its sha256; empty where the run started a server without any."""
    if model.serve is None and not facts.patches:
        return None
    return {str(without_places(name)): sha256[:16] for name, sha256 in facts.patches.items()}


def _lower(text: str | None) -> str | None:
    shown = _text(text)
    return None if shown is None or shown.lower() in {"unknown", "none", "auto", ""} else shown.lower()


def _text(text: str | None) -> str | None:
    """A text from outside, its paths cut to their last parts."""
    return None if text is None else str(without_places(text)) or None
