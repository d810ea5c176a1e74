"""Options that exclude each other: told in one line."""

import functools

from .errors import OptionsExcluded

BEGINS = "Cannot combine "  # how stock begins the text of such an error


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
            raise OptionsExcluded(f"{error}; leave out one of them") from error

    module.parse_args_and_arch = parse_args_and_arch
