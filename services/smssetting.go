// SPDX-License-Identifier: Apache-2.0

package main

// meaningOfSMS goes on for the provider of codes.
func meaningOfSMS(variable string) string {
	switch variable {
	case "PARLEY_DEVELOPMENT":
		return "true where codes may be written to the log"
	case "PARLEY_SMS_PROVIDER":
		return "who sends codes: Aliyun, Webhook, or empty for nobody"
	case "PARLEY_SMS_ALLOWED_COUNTRIES":
		return "countries whose numbers get codes, like CN,SG; empty: all"
	case "PARLEY_SMS_DAILY_BUDGET":
		return "most codes in a day, in all"
	case "PARLEY_SMS_COUNTRY_DAILY_BUDGET":
		return "most codes in a day to one country; 0: no limit but that in all"
	case "PARLEY_SMS_ACCESS_KEY_ID", "PARLEY_SMS_ACCESS_KEY_SECRET":
		return "Aliyun: the access key, in two parts"
	case "PARLEY_SMS_SIGN_NAME":
		return "Aliyun: the approved signature"
	case "PARLEY_SMS_TEMPLATE_CODE", "PARLEY_SMS_TEMPLATE_CODE_ABROAD":
		return "Aliyun: the approved template, and the one for numbers outside of mainland China"
	case "PARLEY_SMS_REGION":
		return "Aliyun: the region"
	case "PARLEY_SMS_URL":
		return "Webhook: the address, https only"
	case "PARLEY_SMS_SIGNING_KEY", "PARLEY_SMS_PREVIOUS_SIGNING_KEY":
		return "Webhook: the key that signs, and the one before it"
	default:
		return meaningOfSpeech(variable)
	}
}
