package earshot

// Role is what a user may do; see May.
type Role string

// The roles.
const (
	RoleAdmin      Role = "admin"
	RoleSupervisor Role = "supervisor"
	RoleInspector  Role = "inspector"
	RoleEvidence   Role = "evidence"
	RoleAgent      Role = "agent"
)

// Roles are all roles there are.
var Roles = []Role{RoleAdmin, RoleSupervisor, RoleInspector, RoleEvidence, RoleAgent}

// User is somebody who signs in.
type User struct {
	ID       string `json:"id"`   // what is typed to sign in
	Name     string `json:"name"` // as shown
	Role     Role   `json:"role"`
	Disabled bool   `json:"disabled"`

	PasswordHash string `json:"-"` // argon2id, PHC string
}

// Validate says what is wrong with u, or nil.
func (u User) Validate() error {
	switch {
	case !ValidID(u.ID):
		return Fail(Invalid, "bad_id", "a sign-in name is 1 to 64 of a-z 0-9 . _ - and begins with a letter or digit")
	case !validName(u.Name):
		return Fail(Invalid, "bad_name", "a name is 1 to 100 characters")
	case !u.Role.Valid():
		return Fail(Invalid, "bad_role", "a role is admin, supervisor, inspector, evidence or agent")
	}
	return nil
}

// Valid says whether r is a role.
func (r Role) Valid() bool {
	for _, known := range Roles {
		if r == known {
			return true
		}
	}
	return false
}

// MinPassword is the least number of characters of a password.
const MinPassword = 8

// ValidPassword says what is wrong with a new password, or nil.
func ValidPassword(password string) error {
	if n := len([]rune(password)); n < MinPassword || len(password) > 256 {
		return Fail(Invalid, "bad_password", "a password has at least %d characters", MinPassword)
	}
	return nil
}
