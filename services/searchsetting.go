// SPDX-License-Identifier: Apache-2.0

package main

// meaningOfSearch goes on for the index of texts.
func meaningOfSearch(variable string) string {
	switch variable {
	case "PARLEY_ELASTICSEARCH_URL":
		return "Elasticsearch 8 or 9, http(s)://host:port; empty: search of messages and nicknames is unavailable"
	case "PARLEY_ELASTICSEARCH_USERNAME", "PARLEY_ELASTICSEARCH_PASSWORD":
		return "who we are there"
	case "PARLEY_ELASTICSEARCH_API_KEY":
		return "instead of username and password"
	case "PARLEY_ELASTICSEARCH_CA_FILE":
		return "file of certificates in PEM to trust; empty: the system's"
	case "PARLEY_ELASTICSEARCH_TLS":
		return "VerifyFull, VerifyCA or Disabled, as for the other servers"
	case "PARLEY_ELASTICSEARCH_INDEX_PREFIX":
		return "start of the names of our indices"
	case "PARLEY_ELASTICSEARCH_INDEX_REPLICAS":
		return "copies of each index beside the first, 0 to 5"
	default:
		return meaningOfSMS(variable)
	}
}
