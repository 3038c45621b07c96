-- +goose Up
ALTER TABLE audit_entries ADD COLUMN request_id VARBINARY(64) NOT NULL DEFAULT '';
