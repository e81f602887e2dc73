//! Append-only journals on disk: one line a record, one fdatasync a batch.
