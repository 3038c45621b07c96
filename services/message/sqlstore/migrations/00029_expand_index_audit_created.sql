-- +goose Up
CREATE INDEX audit_entries_created_at ON audit_entries (created_at, id);
