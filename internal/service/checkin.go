package service

import (
	"context"
	"strings"
	"time"

	"github.com/google/uuid"

	"plimsoll"
)

// CheckIn is what a device's agent brings.
type CheckIn struct {
	Instance      string              // which process of the agent speaks: a random text of its own
	ETag          string              // of the scripts that it holds; "" for none
	Inventory     *plimsoll.Inventory // where it changed since it was last taken
	InventoryHash string              // what the agent calls its inventory, as it is now
	Results       []SentResult
}

// SentResult is a result as it came.
type SentResult struct {
	plimsoll.Result

	Err error // why it could not be read; the others count
}

// CheckInAnswer is what a device's agent is told. All that it brought is durable.
type CheckInAnswer struct {
	ETag            string
	Scripts         []plimsoll.AssignedScript // nil where the agent holds these already
	Outcomes        []ResultOutcome           // one for each result
	InventoryWanted bool                      // the inventory known here is another
	NextCheckIn     time.Duration
}

// ResultOutcome is what became of a result.
type ResultOutcome struct {
	plimsoll.Outcome

	Message string // what is wrong with one that is refused; "" else
}

// CheckIn takes what a device brings, and gives it what it has to run. It is
// Unauthenticated where there is no such device, and Conflict for a process that
// another one with the same key took over from.
func (s *Service) CheckIn(ctx context.Context, deviceID string, in CheckIn) (CheckInAnswer, error) {
	answer, err := s.checkIn(ctx, deviceID, &in)
	return answer, asAgent(err)
}

// asAgent gives an error as an agent is told it: that its device is not there makes
// its token worthless.
func asAgent(err error) error {
	if plimsoll.ErrorCode(err) == plimsoll.NotFound {
		return plimsoll.Errorf(plimsoll.Unauthenticated, "There is no such device any more; enrol it again.")
	}
	return err
}

func (s *Service) checkIn(ctx context.Context, deviceID string, in *CheckIn) (answer CheckInAnswer, err error) {
	if err := in.validate(); err != nil {
		return answer, err
	}
	now, says := s.clock(), in.greeting(in.ETag)
	brings := in.Inventory != nil || len(in.Results) > 0
	if brings && !s.isQuiet(deviceID, says) { // whose it is has to be known first
		if _, err := s.agent(ctx, deviceID, in.Instance, now); err != nil {
			return answer, err
		}
	}
	if in.Inventory != nil {
		if err := s.stores.UpdateInventory(ctx, deviceID, *in.Inventory, in.InventoryHash, now); err != nil {
			return answer, err
		}
	}
	if answer.Outcomes, err = s.report(ctx, deviceID, in.Results, now); err != nil {
		return answer, err
	}
	answer.ETag, answer.NextCheckIn = in.ETag, s.checkInInterval
	if !s.isQuiet(deviceID, says) {
		if err := s.brief(ctx, deviceID, in, &answer); err != nil {
			return answer, err
		}
	}
	s.sightings.note(deviceID, now)
	return answer, nil
}

// brief tells an agent what it does not know yet, and remembers what it will say
// when it knows all there is.
func (s *Service) brief(ctx context.Context, deviceID string, in *CheckIn, answer *CheckInAnswer) error {
	version, known := s.stores.DeviceVersion(deviceID)
	agent, err := s.agent(ctx, deviceID, in.Instance, s.clock())
	if err != nil {
		return err
	}
	answer.InventoryWanted = agent.InventoryHash != in.InventoryHash
	if answer.ETag = etagOf(agent.Scripts); answer.ETag != in.ETag {
		answer.Scripts = append([]plimsoll.AssignedScript{}, agent.Scripts...) // not nil where there is none
	}
	if known {
		q := quiet{version: version, etag: digest(answer.ETag)}
		if !answer.InventoryWanted {
			q.greeting = in.greeting(answer.ETag)
		}
		s.quiet.Add(deviceID, q)
	}
	return nil
}

func (in *CheckIn) validate() error {
	if in.Instance == "" {
		return plimsoll.Invalidf("instance", "instance must be a random text that each process of an agent makes for itself.")
	}
	if err := checkLabel("instance", in.Instance); err != nil {
		return err
	}
	if err := checkLabel("inventoryHash", in.InventoryHash); err != nil {
		return err
	}
	if in.Inventory == nil {
		return nil
	}
	return in.Inventory.Validate()
}

// maxLabel is the longest name that an agent gives to a thing, in characters.
const maxLabel = 128

// checkLabel refuses a name that is not short and printable ASCII.
func checkLabel(property, label string) error {
	strange := strings.ContainsFunc(label, func(r rune) bool { return r < ' ' || r > '~' })
	if strange || len(label) > maxLabel {
		return plimsoll.Invalidf(property, "%s must be at most %d printable ASCII characters.", property, maxLabel)
	}
	return nil
}

// agent makes sure that the agent's process is the one that has the device, and
// gives what is known of it.
func (s *Service) agent(ctx context.Context, deviceID, instance string, now time.Time) (plimsoll.Agent, error) {
	agent, err := s.stores.Agent(ctx, deviceID)
	if err == nil && agent.Instance != instance {
		err = s.stores.StartAgent(ctx, &plimsoll.AgentStart{DeviceID: deviceID, Instance: instance, At: now})
	}
	return agent, err
}

// report hands the results on that can be kept, and gives the outcomes of all.
func (s *Service) report(
	ctx context.Context, deviceID string, sent []SentResult, now time.Time,
) ([]ResultOutcome, error) {
	outcomes := make([]ResultOutcome, len(sent))
	report, places := &plimsoll.Report{DeviceID: deviceID, At: now}, []int{}
	for i := range sent {
		if i >= plimsoll.MaxResults {
			outcomes[i].Outcome = plimsoll.OutcomeTooMany
			continue
		}
		if err := sent[i].check(); err != nil {
			outcomes[i] = ResultOutcome{plimsoll.OutcomeInvalid, err.Error()}
			continue
		}
		report.Results, places = append(report.Results, sent[i].Result), append(places, i)
	}
	if len(places) == 0 {
		return outcomes, nil
	}
	if err := s.stores.Report(ctx, report); err != nil {
		return nil, err
	}
	for k, place := range places {
		outcomes[place].Outcome = report.Outcomes[k]
	}
	return outcomes, nil
}

func (r *SentResult) check() error {
	if r.Err != nil {
		return r.Err
	}
	id, ok := ParseID(r.ScriptID)
	if !ok {
		return plimsoll.Invalidf("scriptId", "scriptId must be the id of a script, a GUID.")
	}
	r.ScriptID = id
	return r.Validate()
}

// ParseID gives an id in the form in which ids are kept; ok is false where text is
// no GUID.
func ParseID(text string) (id string, ok bool) {
	parsed, err := uuid.Parse(text)
	return parsed.String(), err == nil && strings.EqualFold(parsed.String(), text)
}

// AssignedContent gives the content of a script that a device has to run, and
// NotFound for any other. It is Unauthenticated when there is no such device.
func (s *Service) AssignedContent(ctx context.Context, deviceID, scriptID string) ([]byte, error) {
	id, ok := ParseID(scriptID)
	if !ok {
		return nil, plimsoll.Errorf(plimsoll.NotFound, "The device has no such script to run.")
	}
	content, err := s.stores.AssignedContent(ctx, deviceID, id)
	if plimsoll.ErrorCode(err) == plimsoll.NotFound {
		if _, gone := s.stores.Agent(ctx, deviceID); gone != nil {
			err = asAgent(gone)
		}
	}
	return content, err
}
