"""The corpus on more than one machine: a plan of tasks from files to files, run by datatrove's executors.

`tasks` says what a task and a phase are, `plan` makes them from a configuration, `staging` runs one task over local
files or addresses, `records` knows what is done, `steps` and `executors` hand the tasks to datatrove, `run` drives.
"""
