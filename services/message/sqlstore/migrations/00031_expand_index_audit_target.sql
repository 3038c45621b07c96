-- +goose Up
CREATE INDEX audit_entries_target_id ON audit_entries (target_id, created_at, id);
