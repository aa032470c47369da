"""Array types for signatures: shapes stand in the annotation, `Float64[Array, "n features"]`."""

from jaxtyping import Bool, Float, Float32, Float64, Int, Int8, Int32, Int64
from numpy import ndarray as Array

__all__ = ["Array", "Bool", "Float", "Float32", "Float64", "Int", "Int8", "Int32", "Int64"]
