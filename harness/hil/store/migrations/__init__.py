"""Steps from one version of the tables to the next, run by ``hil.store.migrate``.

To change the tables: edit ``tables.py``; add ``versions/vNNNN_what.py`` with the next number as
``revision`` and the former as ``down_revision``; add the number to ``migrate.VERSIONS``. Where
``runs`` changes, drop the views first and create them again. Tests check that the steps lead to
``tables.py``.
"""
