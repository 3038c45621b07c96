-- +goose Up
CREATE UNIQUE INDEX requests_idempotency_key ON requests (applicant_id, idempotency_key);
