"""The texts that the claims come from, as a reader can find them."""

from .claim import Source

QI = Source(
    "Qi Xiangyu (2019), Generative adversarial networks: theory (in Chinese), blog article of "
    "2019-06-14"
)
BOXES = Source(
    "Notes (in Chinese) on the Wasserstein distance and WGAN with the moving-boxes example, after "
    "Hui (2018)"
)
READING = Source("Annotated reading (English and Chinese) of arXiv:1701.07875v3")
ZHENG = Source("Zheng Zhijie (2022), notes of 2022-02-13 on arXiv:2103.01678")
ZHANG = Source(
    "Zhang Huiling (2025), A theoretical study of improving the training stability of GAN based on "
    "Wasserstein distance as optimization objective, doi:10.12677/aam.2025.145286"
)
HERRMANN = Source(
    "Herrmann (2017), Wasserstein GAN and the Kantorovich-Rubinstein duality, blog article and "
    "notebook"
)
GOODFELLOW = Source("Goodfellow et al. (2014), Generative adversarial nets, arXiv:1406.2661")
PRINCIPLED = Source(
    "Arjovsky & Bottou (2017), Towards principled methods for training generative adversarial "
    "networks, arXiv:1701.04862"
)
WGAN = Source("Arjovsky, Chintala & Bottou (2017), Wasserstein GAN, arXiv:1701.07875")
WGAN_GP = Source("Gulrajani et al. (2017), Improved training of Wasserstein GANs, arXiv:1704.00028")
WGAN_LP = Source(
    "Petzka, Fischer & Lukovnikov (2018), On the regularization of Wasserstein GANs, "
    "arXiv:1709.08894"
)
BANACH = Source("Adler & Lunz (2018), Banach Wasserstein GAN, arXiv:1806.06621")
STANCZUK = Source(
    "Stanczuk et al. (2021), Wasserstein GANs work because they fail (to approximate the "
    "Wasserstein distance), arXiv:2103.01678"
)
BELLEMARE = Source(
    "Bellemare et al. (2017), The Cramer distance as a solution to biased Wasserstein gradients, "
    "arXiv:1705.10743"
)
VILLANI = Source("Villani (2009), Optimal transport: old and new, doi:10.1007/978-3-540-71050-9")
ENDRES = Source(
    "Endres & Schindelin (2003), A new metric for probability distributions, "
    "doi:10.1109/TIT.2003.813506"
)
LIN = Source("Lin (1991), Divergence measures based on the Shannon entropy, doi:10.1109/18.61115")
COVER = Source("Cover & Thomas (2006), Elements of information theory, doi:10.1002/047174882X")
TSYBAKOV = Source("Tsybakov (2009), Introduction to nonparametric estimation, doi:10.1007/b13794")
FOURNIER = Source(
    "Fournier & Guillin (2015), On the rate of convergence in Wasserstein distance of the "
    "empirical measure, doi:10.1007/s00440-014-0583-7"
)
GIBBS = Source(
    "Gibbs & Su (2002), On choosing and bounding probability metrics, "
    "doi:10.1111/j.1751-5823.2002.tb00178.x"
)
DERIVED = Source("No paper: derived for this catalogue")
