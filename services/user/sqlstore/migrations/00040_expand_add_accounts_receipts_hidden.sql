-- +goose Up
ALTER TABLE accounts ADD COLUMN receipts_hidden SMALLINT NOT NULL DEFAULT 0;
