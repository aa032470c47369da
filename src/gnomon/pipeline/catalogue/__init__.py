"""A catalogue of models: what each one did on which data, kept in a Parquet file, and a page that ranks them."""

from gnomon.pipeline.catalogue.base import KEY, SCHEMA, Catalogue
from gnomon.pipeline.catalogue.data_sets import DataSet, find_data_sets
from gnomon.pipeline.catalogue.grid import Candidate, candidates
from gnomon.pipeline.catalogue.page import catalogue_page
from gnomon.pipeline.catalogue.ranking import latest, rank
from gnomon.pipeline.catalogue.sweep import Sweep, SweepReport

__all__ = [
    "KEY",
    "SCHEMA",
    "Candidate",
    "Catalogue",
    "DataSet",
    "Sweep",
    "SweepReport",
    "candidates",
    "catalogue_page",
    "find_data_sets",
    "latest",
    "rank",
]
