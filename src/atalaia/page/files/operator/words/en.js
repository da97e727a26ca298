// Words of what operators see and do, in English.

const n = (count, one, many) => (count === 1 ? one : many).replace("#", count.toLocaleString("en"));

export const words = {
  person: "Person", begun: "Since", export: "Export", erase: "Erase",
  tabs: { sources: "Sources", lag: "Lag", deliveries: "Deliveries", people: "People", rules: "Rules", places: "Places", silences: "Silences", drills: "Drills", wishes: "Wishes", reports: "Reports" },
  town: "Town", wished: "Asked for", last_wished: "Last on",
  wishes_lead: "Towns that people asked for and that have no watched place within 200 km. Nothing is kept of who asked.",
  source: "Source", fresh: "Fresh", is_fresh: "fresh", is_stale: "late", last: "Last answer", fault: "Fault", next: "Next try", quota: "Calls left",
  stage: "Stage", value: "Value",
  by_outcome: "By outcome", all: "All",
  by: "By whom", id: "Message", channel: "Channel", status: "Status", tries: "Tries", reason: "Reason", due: "At", retry: "Try again", retried: "Goes again",
  stages: {
    stream_offset: "Records received, in all", speed: "Records that wait for detection", speed_s: "Seconds that the oldest of them has waited", archive: "Records that wait for the archive",
    board: "Alerts that wait for this page", fan_out: "Alerts that wait for whom they concern", step_s: "Newest batch, from reading to commit (s)", deliveries: "Messages that wait to be sent",
  },
  none: "Nothing here.",
  hazard: "Hazard", place: "Place", until: "Until", hours: "For how many hours", comment: "Why", any: "any", add_silence: "Silence", end_silence: "End",
  drill_lead: "A drill goes all the way, marked as an exercise in every message (CAP: Exercise).",
  drill_level: "Level", drill_start: "Start the drill", drill_everyone: "People too, not organisations alone",
  drill_sure: (count, by) => `${n(count, "1 recipient gets", "# recipients get")} a message marked EXERCISE${by && ` (${by})`}. Start it?`,
  drill_done: (people) => n(people, "The drill is going on: 1 recipient.", "The drill is going on: # recipients."),
  not_here: "This part is not switched on in this installation.",
  yes: "Yes", no: "No",
  per: { minute: "this minute", hour: "this hour", day: "today", month: "this month" },
  of_person: (person) => `Of ${person}`, messages: "Messages", acknowledge: "Was read", acknowledged: "read", again: "Again",
  add: "Tell somebody", add_lead: "For somebody who asked you to. With a proof they are told at once; without one they are sent a code first.",
  address: "Address", area: "Where", proof: "Proof that they agreed (a paper form, for example)", organisation: "It is for an organisation",
  from_level: "All hazards from", added: (person) => `Kept as ${person}.`, to_confirm: (channels) => `A code goes out by ${channels}.`,
  report_lead: "All places, or one, of a year at most. It is made once in ten minutes, and may take some seconds.",
  report_all: "All places", from: "First day", to: "Last day", form: "As", make: "Make the report", making: "Making it…", made: "It is among your downloads.",
};
