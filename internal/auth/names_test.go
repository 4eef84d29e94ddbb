package auth_test

import "testing"

// TestNames reads what tokens call those who call.
func TestNames(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		changes               map[string]any
		displayName, userName string
	}{
		"an application":       {nil, "", ""},
		"one with a name":      {map[string]any{"name": "Nightly"}, "Nightly", ""},
		"Keycloak's of a user": {map[string]any{"name": "Ada L.", "preferred_username": "ada"}, "Ada L.", "ada"},
		"Keycloak's account of a service": {
			map[string]any{"preferred_username": "service-account-x"}, "service-account-x", "",
		},
		"a user without a name": {map[string]any{"scp": "", "preferred_username": "ada"}, "ada", "ada"},
		"Entra ID's, version 1": {map[string]any{"scp": "", "upn": "ada@example.com", "name": "Ada"}, "Ada", "ada@example.com"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, s := newClock(), newSigner(t, "k1")
			p, err := builtin(s, c).Verify(t.Context(), s.sign(t, claimsAt(c.Now(), test.changes)))
			if err != nil || p.DisplayName != test.displayName || p.UserName != test.userName {
				t.Errorf("%+v, %v", p, err)
			}
		})
	}
}
