package plimsoll

import (
	"slices"
	"strings"
	"unicode"
)

// commonWords are what the commonest long passwords consist of beside digits
// and signs, such as Password1234! and qwertyuiop[].
func commonWords() []string {
	return []string{
		"", "password", "passwordpassword", "passw0rd", "passwort", "motdepasse", "contraseña", "admin", "administrator",
		"changeme", "changeit", "letmein", "letmeinnow", "welcome", "welcomeback", "iloveyou", "iloveyousomuch", "whatever", "trustno",
		"qwerty", "qwertyuiop", "qwertz", "qwertzuiop", "azerty", "azertyuiop", "asdfgh", "asdfghjkl", "zxcvbn", "zxcvbnm",
		"qwertyuiopasdfghjkl", "asdfghjklzxcvbnm", "qwertyuiopasdfghjklzxcvbnm", "qwertyasdfgh", "qwertyasdfghzxcvbn",
		"q1w2e3r4t5y", "q1w2e3r4t5y6u", "q1w2e3r4t5y6u7i8o9p", "q1w2e3r4t5y6u7i", "q2w3e4r5t", "q2w3e4r5t6y", "q2w3e4r5t6y7u", "q2w3e4r",
		"qaz2wsx3edc", "qaz2wsx", "qazwsxedc", "qazwsxedcrfv", "qazwsxedcrfvtgb", "qazxsw2", "qweasdzxc", "qweasd", "qwe123asd", "asd123qwe",
		"abc", "abcd", "abcdef", "abcdefg", "abcdefgh", "football", "basketball", "baseball", "princess", "sunshine", "superman", "batman",
		"pokemon", "starwars", "dragon", "monkey", "shadow", "master", "michael", "jordan", "liverpool", "liverpoolfc", "chelsea", "manchester",
		"manchesterunited", "correcthorsebatterystaple", "correct horse battery staple", "thisismypassword", "mypassword", "newpassword",
		"unbelievable", "motherfucker", "fuckyou", "computer", "internet", "samsung", "facebook", "google", "secret", "supersecret", "topsecret",
		"spring", "summer", "autumn", "winter", "january", "december", "default", "test", "testing", "testtest", "user", "guest", "root", "temp",
	}
}

const (
	minPassword = 12
	maxPassword = 256
)

// CheckPassword refuses a password that others would guess (NIST SP 800-63B
// section 3.1.1.2): it has 12 to 256 characters, of any kind, is none of the
// commonest, and has neither the user's name nor the product's in it. There is no
// rule on which kinds it must mix.
func CheckPassword(password, userName string) error {
	chars, folded := []rune(password), strings.ToLower(password)
	switch {
	case len(chars) < minPassword:
		return Invalidf("password", "The password has %d characters; it must have at least %d. A few words that have nothing to do with each other make a good one.",
			len(chars), minPassword)
	case len(chars) > maxPassword:
		return Invalidf("password", "The password has %d characters; at most %d are taken.", len(chars), maxPassword)
	case strings.ContainsRune(password, unicode.ReplacementChar):
		return Invalidf("password", "The password has a character that was damaged on its way here. Use another one.")
	case strings.Contains(folded, "plimsoll"):
		return Invalidf("password", "The password must not contain the name of this product: it is the first thing that others would try.")
	case slices.ContainsFunc(nameParts(userName), func(part string) bool { return strings.Contains(folded, part) }):
		return Invalidf("password", "The password must not contain your name: it is the first thing that others would try.")
	case isRepeated(chars) || isSequence(chars):
		return Invalidf("password", "The password repeats the same characters, or is a row of them such as abcdefghijkl. Use another one.")
	case slices.Contains(commonWords(), strings.TrimFunc(folded, func(r rune) bool { return !unicode.IsLetter(r) })):
		return Invalidf("password", "The password is one of the commonest, or one with digits or signs around it. Use another one.")
	}
	return nil
}

// nameParts gives what of a user's name a password must not contain: the whole,
// and what stands before an @. What is shorter than three letters occurs in
// passwords by chance.
func nameParts(name string) []string {
	folded := FoldName(name)
	account, _, _ := strings.Cut(folded, "@")
	return slices.DeleteFunc([]string{folded, account}, func(part string) bool { return len([]rune(part)) < 3 })
}

// isRepeated tells whether one to four characters are all there is, over and
// over.
func isRepeated(chars []rune) bool {
	for unit := 1; unit <= 4; unit++ {
		if slices.Equal(chars[unit:], chars[:len(chars)-unit]) {
			return true
		}
	}
	return false
}

// isSequence tells whether each character is the next after the one before it, or
// each the one before; 0 follows 9, and a z.
func isSequence(chars []rune) bool {
	for _, step := range []rune{1, -1} {
		follows := func(a, b rune) bool {
			return b == a+step || step == 1 && (a == '9' && b == '0' || a == 'z' && b == 'a') ||
				step == -1 && (a == '0' && b == '9' || a == 'a' && b == 'z')
		}
		all := true
		for i := range len(chars) - 1 {
			all = all && follows(chars[i], chars[i+1])
		}
		if all {
			return true
		}
	}
	return false
}
