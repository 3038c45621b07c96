-- +goose Up
ALTER TABLE audit_entries ADD COLUMN detail VARBINARY(255) NOT NULL DEFAULT '';
