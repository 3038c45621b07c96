// SPDX-License-Identifier: Apache-2.0

package server

import (
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"regexp"
	"time"

	"github.com/parley-chat/parley/services/internal/provider"
	"github.com/parley-chat/parley/services/internal/secret"
	"github.com/parley-chat/parley/services/user"
	"github.com/parley-chat/parley/services/user/aliyunsms"
	"github.com/parley-chat/parley/services/user/logsms"
	"github.com/parley-chat/parley/services/user/webhooksms"
)

// Providers of SMS.
const (
	ProviderNone    = ""        // codes are unavailable
	ProviderAliyun  = "Aliyun"  //
	ProviderWebhook = "Webhook" //
	ProviderLog     = "Log"     // only where Config.Development is set
)

// smsLimits is how long a provider may take; it recommends at least a second for each.
func smsLimits() provider.Limits {
	return provider.Limits{Connect: 1500 * time.Millisecond, Answer: 4 * time.Second, Idle: 10 * time.Second}
}

var countryCode = regexp.MustCompile(`^[A-Z]{2}$`)

// SMSConfig of the provider of codes.
type SMSConfig struct {
	// Provider is Aliyun, Webhook, or empty: then codes are unavailable.
	Provider string `env:"PARLEY_SMS_PROVIDER"`
	// AllowedCountries are ISO codes; numbers of others get no code. Empty: all.
	AllowedCountries []string `env:"PARLEY_SMS_ALLOWED_COUNTRIES"`
	// DailyBudget is the number of codes in a day, in all: the breaker for cost.
	DailyBudget int `env:"PARLEY_SMS_DAILY_BUDGET" envDefault:"10000"`
	// CountryDailyBudget is how many of them go to one country; 0: as many as there are.
	CountryDailyBudget int `env:"PARLEY_SMS_COUNTRY_DAILY_BUDGET" envDefault:"0"`

	// AccessKeyID and AccessKeySecret of Aliyun.
	AccessKeyID     secret.String `env:"PARLEY_SMS_ACCESS_KEY_ID"`
	AccessKeySecret secret.String `env:"PARLEY_SMS_ACCESS_KEY_SECRET"`
	// SignName and TemplateCode are approved by Aliyun; TemplateCodeAbroad is for numbers outside of
	// mainland China, empty: TemplateCode.
	SignName           string `env:"PARLEY_SMS_SIGN_NAME"`
	TemplateCode       string `env:"PARLEY_SMS_TEMPLATE_CODE"`
	TemplateCodeAbroad string `env:"PARLEY_SMS_TEMPLATE_CODE_ABROAD"`
	// Region of Aliyun.
	Region string `env:"PARLEY_SMS_REGION" envDefault:"cn-hangzhou"`

	// URL of the webhook, https only.
	URL secret.String `env:"PARLEY_SMS_URL"`
	// SigningKey of the webhook; PreviousSigningKey while it is being replaced.
	SigningKey         secret.String `env:"PARLEY_SMS_SIGNING_KEY"`
	PreviousSigningKey secret.String `env:"PARLEY_SMS_PREVIOUS_SIGNING_KEY"`
}

// validate tells all that is wrong.
func (c SMSConfig) validate(development bool) error {
	var problems []error
	need := func(name string, missing bool) {
		if missing {
			problems = append(problems, fmt.Errorf("%s must be set for the provider %s", name, c.Provider))
		}
	}
	switch c.Provider {
	case ProviderNone:
	case ProviderAliyun:
		need("PARLEY_SMS_ACCESS_KEY_ID", c.AccessKeyID.IsZero())
		need("PARLEY_SMS_ACCESS_KEY_SECRET", c.AccessKeySecret.IsZero())
		need("PARLEY_SMS_SIGN_NAME", c.SignName == "")
		need("PARLEY_SMS_TEMPLATE_CODE", c.TemplateCode == "")
	case ProviderWebhook:
		need("PARLEY_SMS_SIGNING_KEY", c.SigningKey.IsZero())
		if u, err := url.Parse(c.URL.Reveal()); err != nil || u.Scheme != "https" || u.Host == "" {
			problems = append(problems, errors.New("PARLEY_SMS_URL must begin with https://"))
		}
	case ProviderLog:
		if !development {
			problems = append(problems, errors.New("PARLEY_SMS_PROVIDER must not be Log: it shows codes to whoever reads the log"))
		}
	default:
		problems = append(problems, errors.New("PARLEY_SMS_PROVIDER must be Aliyun, Webhook or empty"))
	}
	if c.DailyBudget < 1 {
		problems = append(problems, errors.New("PARLEY_SMS_DAILY_BUDGET must be at least 1"))
	}
	if c.CountryDailyBudget < 0 {
		problems = append(problems, errors.New("PARLEY_SMS_COUNTRY_DAILY_BUDGET must be at least 0"))
	}
	for _, country := range c.AllowedCountries {
		if !countryCode.MatchString(country) {
			problems = append(problems, errors.New("PARLEY_SMS_ALLOWED_COUNTRIES must list ISO codes of two capital letters"))
			break
		}
	}
	return errors.Join(problems...)
}

// provider is nil where codes are unavailable.
func (c SMSConfig) provider(logger *slog.Logger) user.SMS {
	switch c.Provider {
	case ProviderAliyun:
		return aliyunsms.New(aliyunsms.Options{
			Endpoint: aliyunsms.Endpoint(c.Region), AccessKeyID: c.AccessKeyID.Reveal(), AccessKeySecret: c.AccessKeySecret,
			SignName: c.SignName, TemplateCode: c.TemplateCode, TemplateCodeAbroad: c.TemplateCodeAbroad,
			Client: provider.NewClient(nil, smsLimits()), Now: time.Now,
		})
	case ProviderWebhook:
		return webhooksms.New(webhooksms.Options{
			URL: c.URL, Key: c.SigningKey, PreviousKey: c.PreviousSigningKey, Client: provider.NewClient(nil, smsLimits()), Now: time.Now,
		})
	case ProviderLog:
		return logsms.SMS{Logger: logger}
	default:
		return nil
	}
}
