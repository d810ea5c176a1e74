"""--log-file: one handler for the file, however often fairseq makes a progress bar."""

import functools
import logging
import os


def open_once(module) -> None:
    """Wrap `progress_bar` so that the handler it adds for a log file replaces the one it added before."""
    stock = module.progress_bar
    if hasattr(stock, "__wrapped__"):
        return

    @functools.wraps(stock)
    def progress_bar(*args, **kwargs):
        log_file = kwargs.get("log_file") or (args[3] if len(args) > 3 else None)
        if log_file is not None:
            path = os.path.abspath(log_file)
            for handler in list(module.logger.handlers):
                if isinstance(handler, logging.FileHandler) and handler.baseFilename == path:
                    module.logger.removeHandler(handler)
                    handler.close()
        return stock(*args, **kwargs)

    module.progress_bar = progress_bar
