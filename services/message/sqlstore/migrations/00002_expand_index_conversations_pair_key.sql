-- +goose Up
CREATE UNIQUE INDEX conversations_pair_key ON conversations (pair_key);
