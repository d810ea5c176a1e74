"""Options that exclude each other: told in one line."""

import functools

from .errors import OptionsExcluded

BEGINS = "Cannot combine "  # how stock begins the text of such an error
# What stock advises keeps no fp32 weights; the plugin's models have an option that does.
ADVICE = ("use --bf16 on TPUs", "use --autocast bf16 on TPUs, --bf16 with a model that has no such option")


def tell_of_excluded_options(module) -> None:
    """Let fairseq's parser raise an error with a clear line where it refuses two options together."""
    stock = module.parse_args_and_arch
    if hasattr(stock, "__wrapped__"):
        return

    @functools.wraps(stock)
    def parse_args_and_arch(*args, **options):
        try:
            return stock(*args, **options)
        except ValueError as error:
            if not str(error).startswith(BEGINS):
                raise
            raise OptionsExcluded(f"{str(error).replace(*ADVICE)}; leave out one of them") from error

    module.parse_args_and_arch = parse_args_and_arch
