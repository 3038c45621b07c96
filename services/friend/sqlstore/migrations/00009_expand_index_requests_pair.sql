-- +goose Up
CREATE INDEX requests_pair ON requests (applicant_id, respondent_id, state);
