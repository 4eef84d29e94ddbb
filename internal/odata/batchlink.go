package odata

import "slices"

// link turns the names by which requests speak of each other into indexes.
func link(drafts []draft, multipart bool) error {
	byName, err := itemsByName(drafts)
	if err != nil {
		return err
	}
	for i := range drafts {
		if err = depend(drafts, i, byName); err != nil {
			return err
		}
		if err = refer(drafts, i, byName, multipart); err != nil {
			return err
		}
	}
	return nil
}

// itemsByName gives, for each id and each group's name, the items that it stands for.
func itemsByName(drafts []draft) (map[string][]int, error) {
	byName := make(map[string][]int, len(drafts))
	for i := range drafts {
		d := &drafts[i]
		if other, taken := byName[d.ID]; taken {
			return nil, d.refuse("id", "%s is the id of %s too.", quote(d.ID), drafts[other[0]].where)
		}
		if d.ID != "" {
			byName[d.ID] = []int{i}
		}
	}
	for i := range drafts {
		d := &drafts[i]
		if d.GroupName == "" {
			continue
		}
		if members := byName[d.GroupName]; members != nil && drafts[members[0]].ID == d.GroupName {
			return nil, d.refuse("atomicityGroup", "%s is the id of %s.", quote(d.GroupName), drafts[members[0]].where)
		}
		byName[d.GroupName] = append(byName[d.GroupName], i)
	}
	return byName, nil
}

// depend resolves dependsOn (OData JSON 4.01, section 19.1), in which a group
// stands for all its members. As in Graph, the order of the requests does not
// matter, except inside a group, whose members run in the order given.
func depend(drafts []draft, i int, byName map[string][]int) error {
	d := &drafts[i]
	for j, name := range d.dependsOn {
		where := at("dependsOn", j)
		if byName[name] == nil {
			return d.refuse(where, "%s is no id and no atomicityGroup of this batch.", quote(name))
		}
		for _, k := range byName[name] {
			switch {
			case k == i:
				return d.refuse(where, "A request may not depend on itself, nor on the group that it is part of.")
			case k > i && d.Group > 0 && drafts[k].Group == d.Group:
				return d.refuse(where, "In a group, a request may depend on an earlier one only; %s comes later.", quote(name))
			case !slices.Contains(d.DependsOn, k):
				d.DependsOn = append(d.DependsOn, k)
			}
		}
	}
	return nil
}

// refer finds the item whose id, with a $ before it, is the URL's first segment
// (OData Protocol 4.01, sections 11.7.4 and 11.7.7.2; OData JSON 4.01, section 19.1).
func refer(drafts []draft, i int, byName map[string][]int, multipart bool) error {
	d := &drafts[i]
	segment, rest := cutSegment(d.URL)
	id, isReference := referenced(segment)
	if !isReference {
		return nil
	}
	target := byName[id]
	if target == nil || drafts[target[0]].ID != id {
		return d.refuse("url", "%s refers to a request, and none of this batch has the id %s.", quote(segment), quote(id))
	}
	k := target[0]
	switch {
	case multipart && (k >= i || drafts[k].Group != 0 && drafts[k].Group != d.Group):
		return d.refuse("url", "%s may refer to an earlier part of the same change set, or to an earlier part outside of any, and to no other.",
			quote(segment))
	case multipart:
		d.DependsOn = append(d.DependsOn, k)
	case !slices.Contains(d.DependsOn, k):
		return d.refuse("url", "%s refers to a request that must be listed in dependsOn.", quote(segment))
	}
	d.Reference, d.URL = k, rest
	return nil
}

// order puts the items into units, and the units into an order that every
// dependency agrees with. A unit waits for all that one of its items waits for.
func order(drafts []draft) (units [][]int, err error) {
	waiting := group(drafts)
	done := make([]bool, len(drafts))
	for len(waiting) > 0 {
		next := slices.IndexFunc(waiting, func(unit []int) bool {
			item, _ := blocked(drafts, done, unit)
			return item < 0
		})
		if next < 0 {
			return nil, circular(drafts, done, waiting)
		}
		for _, i := range waiting[next] {
			done[i] = true
		}
		units = append(units, waiting[next])
		waiting = slices.Delete(waiting, next, next+1)
	}
	return units, nil
}

// group gives the items of each group, and each other item by itself.
func group(drafts []draft) [][]int {
	units := make([][]int, 0, len(drafts))
	unitOf := map[int]int{} // by group
	for i := range drafts {
		unit, seen := unitOf[drafts[i].Group]
		if drafts[i].Group > 0 && seen {
			units[unit] = append(units[unit], i)
			continue
		}
		unitOf[drafts[i].Group] = len(units)
		units = append(units, []int{i})
	}
	return units
}

// blocked finds an item of the unit that waits for one outside of it which is
// not done; -1 where none does.
func blocked(drafts []draft, done []bool, unit []int) (item, on int) {
	for _, i := range unit {
		for _, k := range drafts[i].DependsOn {
			if !done[k] && !slices.Contains(unit, k) {
				return i, k
			}
		}
	}
	return -1, -1
}

// circular names a dependency that is part of a circle: among units that all
// wait, following what each waits for leads into one.
func circular(drafts []draft, done []bool, waiting [][]int) error {
	item, on := blocked(drafts, done, waiting[0])
	for range waiting {
		unit := slices.IndexFunc(waiting, func(unit []int) bool { return slices.Contains(unit, on) })
		item, on = blocked(drafts, done, waiting[unit])
	}
	return drafts[item].refuse("dependsOn", "%s, which is waited for, waits for this request in turn: dependencies may not be circular.",
		drafts[on].where)
}
