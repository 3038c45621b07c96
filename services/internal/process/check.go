// SPDX-License-Identifier: Apache-2.0

package process

import (
	"errors"
	"fmt"
	"net/url"

	"github.com/parley-chat/parley/services/internal/secret"
	"github.com/parley-chat/parley/services/internal/telemetry"
)

// CheckDatabase tells what is wrong with the settings of a database.
func CheckDatabase(dsn secret.String, maxOpenConns int) error {
	var problems []error
	if dsn.IsZero() {
		problems = append(problems, errors.New("PARLEY_MYSQL_DSN must name a database"))
	}
	if maxOpenConns < 0 {
		problems = append(problems, errors.New("PARLEY_MYSQL_MAX_OPEN_CONNS must not be negative"))
	}
	return errors.Join(problems...)
}

// CheckLogLevel tells whether a level is none.
func CheckLogLevel(level string) error {
	if _, err := telemetry.ParseLevel(level); err != nil {
		return fmt.Errorf("PARLEY_LOG_LEVEL: %w", err)
	}
	return nil
}

// CheckUpstream tells whether the base address of a component is none.
func CheckUpstream(variable, address string) error {
	if u, err := url.Parse(address); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return fmt.Errorf("%s must be a URL with a host", variable)
	}
	return nil
}
