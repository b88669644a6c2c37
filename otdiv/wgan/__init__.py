"""Wasserstein GANs in NumPy, small and readable, measured against the exact distance."""

from .._lazy import attach

__getattr__, __dir__, __all__ = attach(
    __name__,
    {
        "CriticSteps": "recipes",
        "Dataset": "datasets",
        "Generator": "generators",
        "LateWeightClipping": "losses",
        "Loss": "losses",
        "MinimaxGAN": "losses",
        "NonSaturatingGAN": "losses",
        "Quality": "datasets",
        "Recipe": "recipes",
        "Training": "training",
        "TrainingHistory": "training",
        "TrainingProgress": "training",
        "TrainingStatus": "training",
        "WassersteinGAN": "losses",
        "descend_parallel_lines": "example_one",
        "digits": "datasets",
        "gaussians_25": "datasets",
        "gaussians_8": "datasets",
        "parallel_lines": "datasets",
        "small": "recipes",
        "swiss_roll": "datasets",
        "tracking": "recipes",
        "train": "training",
        "wgan_2017": "recipes",
        "wgan_2017_code": "recipes",
        "wgan_gp_2017": "recipes",
        "wgan_gp_2017_code": "recipes",
        "wgan_lp_2018": "recipes",
        "write_report": "reporting",
    },
)
