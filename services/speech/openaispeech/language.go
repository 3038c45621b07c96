// SPDX-License-Identifier: Apache-2.0

package openaispeech

import (
	"strings"

	"github.com/parley-chat/parley/services/speech"
)

// names of languages as the original server tells them; others tell tags.
const names = "afrikaans=af arabic=ar armenian=hy azerbaijani=az belarusian=be bosnian=bs bulgarian=bg cantonese=yue catalan=ca " +
	"chinese=zh croatian=hr czech=cs danish=da dutch=nl english=en estonian=et finnish=fi french=fr galician=gl german=de " +
	"greek=el hebrew=he hindi=hi hungarian=hu icelandic=is indonesian=id italian=it japanese=ja kannada=kn kazakh=kk korean=ko " +
	"latvian=lv lithuanian=lt macedonian=mk malay=ms maori=mi marathi=mr nepali=ne norwegian=no persian=fa polish=pl " +
	"portuguese=pt romanian=ro russian=ru serbian=sr slovak=sk slovenian=sl spanish=es swahili=sw swedish=sv tagalog=tl " +
	"tamil=ta thai=th turkish=tr ukrainian=uk urdu=ur vietnamese=vi welsh=cy"

// languageTag is the BCP 47 tag of what a server tells; empty if it cannot be told.
func languageTag(told string) string {
	told = strings.TrimSpace(told)
	for entry := range strings.FieldsSeq(names) {
		if name, tag, _ := strings.Cut(entry, "="); strings.EqualFold(name, told) {
			return tag
		}
	}
	if speech.IsLanguage(told) {
		return told
	}
	return ""
}
