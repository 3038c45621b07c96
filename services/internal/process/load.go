// SPDX-License-Identifier: Apache-2.0

package process

import (
	"fmt"

	"github.com/caarlos0/env/v11"
)

// LoadConfig reads a configuration from environment variables and answers all that Validate finds wrong.
func LoadConfig[C interface{ Validate() error }](environ map[string]string) (C, error) {
	cfg, err := env.ParseAsWithOptions[C](env.Options{Environment: environ})
	if err != nil {
		var none C
		return none, fmt.Errorf("read environment: %w", err)
	}
	return cfg, cfg.Validate()
}
