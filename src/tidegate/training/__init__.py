"""Training, in torch: fitting, losses, the synthetic prior and the recipe of the shipped weights."""
