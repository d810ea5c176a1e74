"""fairseq's way of calling hydra, which hydra 1.3 still serves and warns about: twenty lines before every log."""

import functools
import warnings


def compose_quietly(module) -> None:
    """Silence what is warned while fairseq makes a config of its arguments; nothing of the user's runs in there."""
    convert = module.convert_namespace_to_omegaconf
    if hasattr(convert, "__wrapped__"):
        return

    @functools.wraps(convert)
    def convert_namespace_to_omegaconf(args):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return convert(args)

    module.convert_namespace_to_omegaconf = convert_namespace_to_omegaconf
