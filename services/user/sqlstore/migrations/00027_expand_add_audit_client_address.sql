-- +goose Up
ALTER TABLE audit_entries ADD COLUMN client_address VARBINARY(64) NOT NULL DEFAULT '';
