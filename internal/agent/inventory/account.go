package inventory

import (
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"

	"plimsoll"
)

// account is a user of the machine.
type account struct {
	name, displayName string
	uid               int64
	signsIn           bool // has a shell to sign in with
}

// The numbers of people's accounts on Linux, by Debian's policy (section 9.2.2) and
// most others. Those of a directory may be higher.
const firstHuman, lastHuman = 1000, 59999

// set tells the account as the one who has the machine.
func (a *account) set(inv *plimsoll.Inventory) {
	inv.UserID = strconv.FormatInt(a.uid, 10)
	inv.UserPrincipalName, inv.UserDisplayName = a.name, a.displayName
}

// parsePasswd reads accounts as in passwd(5). Other lines are passed over.
func parsePasswd(text string) []account {
	var accounts []account
	for line := range strings.Lines(text) {
		fields := strings.Split(strings.TrimSpace(line), ":")
		if len(fields) != 7 || fields[0] == "" {
			continue
		}
		uid, err := strconv.ParseInt(fields[2], 10, 64)
		if err != nil {
			continue
		}
		displayName, _, _ := strings.Cut(fields[4], ",") // behind it are rooms and telephones
		accounts = append(accounts, account{fields[0], displayName, uid, !slices.Contains(
			[]string{"nologin", "false", "sync", "shutdown", "halt", "git-shell"}, path.Base(fields[6]),
		)})
	}
	return accounts
}

// seated gives the numbers of the users who sit at the machine, in order: those with
// a session on a seat, in the files by which sd-login(3) knows of logind's and
// elogind's sessions. A greeter is none, nor is who came over the network.
func seated(root fs.FS) []int64 {
	const dir = "run/systemd/sessions"
	var uids []int64
	for _, name := range names(root, dir) {
		session := parseAssignments(readLine(root, path.Join(dir, name)))
		uid, err := strconv.ParseInt(session["UID"], 10, 64)
		if err == nil && session["SEAT"] != "" && strings.HasPrefix(session["CLASS"], "user") && session["STATE"] != "closing" {
			uids = append(uids, uid)
		}
	}
	slices.Sort(uids)
	return uids
}

// soleHuman gives the only account of a person, or nil.
func soleHuman(accounts []account) *account {
	humans := slices.DeleteFunc(slices.Clone(accounts), func(a account) bool {
		return a.uid < firstHuman || a.uid > lastHuman || !a.signsIn
	})
	if len(humans) != 1 {
		return nil
	}
	return &humans[0]
}

// parseMacUsers reads what dscl . -list /Users UniqueID prints, and gives the number
// of the only account of a person, or "".
func parseMacUsers(text []byte) string {
	var humans []string
	for line := range strings.Lines(string(text)) {
		fields := strings.Fields(line)
		if len(fields) == 2 && !strings.HasPrefix(fields[0], "_") && isMacHuman(fields[1]) {
			humans = append(humans, fields[1])
		}
	}
	if len(humans) != 1 {
		return ""
	}
	return humans[0]
}

// isMacHuman tells whether a number is that of a person's account: macOS keeps those
// below 500 to itself.
func isMacHuman(uid string) bool {
	n, err := strconv.ParseInt(uid, 10, 64)
	return err == nil && n >= 500
}
