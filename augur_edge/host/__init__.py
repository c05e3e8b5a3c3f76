"""The host's half: data sets, teachers, and distilling them into predictors. Needs the extra `[host]`."""
