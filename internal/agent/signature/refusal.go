package signature

import "plimsoll"

// Reason is why a script is not believed.
type Reason string

// The reasons.
const (
	NotSigned        Reason = "notSigned"        // no signature block
	SignatureDamaged Reason = "signatureDamaged" // a block that cannot be read, or that something follows
	WrongNamespace   Reason = "wrongNamespace"   // made for another purpose, such as git's commits
	KeyNotAllowed    Reason = "keyNotAllowed"    // by a key that is not among the allowed signers
	ContentChanged   Reason = "contentChanged"   // the signed bytes are not those that were signed
	KeyOutOfTime     Reason = "keyOutOfTime"     // outside of valid-after and valid-before
)

// Refusal is the error of [Verify]. A [plimsoll.Error] is in its chain: [plimsoll.Unauthenticated]
// where there is no signature, [plimsoll.Forbidden] where it is of a key or for a
// purpose that is not allowed, and else [plimsoll.Damaged].
type Refusal struct {
	Reason Reason
	err    *plimsoll.Error
}

// Error gives the message: what is wrong and what an administrator can do.
func (r *Refusal) Error() string { return r.err.Error() }

// Unwrap gives the [plimsoll.Error].
func (r *Refusal) Unwrap() error { return r.err }

func refuse(reason Reason, format string, args ...any) error {
	code := plimsoll.Damaged
	switch reason {
	case NotSigned:
		code = plimsoll.Unauthenticated
	case WrongNamespace, KeyNotAllowed, KeyOutOfTime:
		code = plimsoll.Forbidden
	}
	return &Refusal{reason, plimsoll.Errorf(code, format, args...)}
}
