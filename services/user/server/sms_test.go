// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"maps"
	"strings"
	"testing"

	"github.com/parley-chat/parley/services/user/server"
)

func TestSettingsOfTheProviderBelongTogether(t *testing.T) {
	t.Parallel()
	aliyun := map[string]string{
		"PARLEY_SMS_PROVIDER": "Aliyun", "PARLEY_SMS_ACCESS_KEY_ID": "id", "PARLEY_SMS_ACCESS_KEY_SECRET": "hush",
		"PARLEY_SMS_SIGN_NAME": "Acme", "PARLEY_SMS_TEMPLATE_CODE": "SMS_1", "PARLEY_SMS_ALLOWED_COUNTRIES": "CN,SG",
	}
	rows := []struct {
		name    string
		environ map[string]string
		wrong   []string
	}{
		{"none", nil, nil},
		{"Aliyun", aliyun, nil},
		{"Aliyun without anything", map[string]string{"PARLEY_SMS_PROVIDER": "Aliyun"}, []string{"ACCESS_KEY_ID", "ACCESS_KEY_SECRET", "SIGN_NAME", "TEMPLATE_CODE"}},
		{"a webhook", map[string]string{"PARLEY_SMS_PROVIDER": "Webhook", "PARLEY_SMS_URL": "https://sms.example/hook", "PARLEY_SMS_SIGNING_KEY": "k"}, nil},
		{"a webhook in clear", map[string]string{"PARLEY_SMS_PROVIDER": "Webhook", "PARLEY_SMS_URL": "http://sms.example/hush"}, []string{"SIGNING_KEY", "https://"}},
		{"the log", map[string]string{"PARLEY_SMS_PROVIDER": "Log"}, []string{"must not be Log"}},
		{"nobody knows it", map[string]string{"PARLEY_SMS_PROVIDER": "log"}, []string{"must be Aliyun"}},
		{"no budget", map[string]string{"PARLEY_SMS_DAILY_BUDGET": "0"}, []string{"DAILY_BUDGET"}},
		{"a country in words", map[string]string{"PARLEY_SMS_ALLOWED_COUNTRIES": "CN,China"}, []string{"ISO codes"}},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			environ := map[string]string{"PARLEY_MYSQL_DSN": "sqlite:/tmp/none"}
			maps.Copy(environ, row.environ)
			_, err := server.Load(environ)
			if (err != nil) != (row.wrong != nil) {
				t.Fatalf("%v, want problems: %v", err, row.wrong)
			}
			for _, part := range row.wrong {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("%v does not name %s", err, part)
				}
			}
			if err != nil && strings.Contains(err.Error(), "hush") {
				t.Errorf("the error holds a secret: %v", err)
			}
		})
	}
}
