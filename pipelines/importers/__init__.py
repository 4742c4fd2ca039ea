"""Importers: public or foreign tables to landing files of the contract."""

from pipelines.importers.ibm import Imported, ibm_telco

__all__ = ["Imported", "ibm_telco"]
