export default {
  title: "Sign in",
  lead: "Recording and live monitoring for counters and hotlines",
  name: "Name",
  password: "Password",
  submit: "Sign in",
  expired: "You have been signed out. Sign in again.",
  indexAway:
    "The server's index (database) cannot be used: nobody can sign in for now. Recording goes on. Have the database seen to; if its file is damaged, stop the server and run earshot reindex.",
  capsLock: "Caps Lock is on",
  seatHint:
    "To record at a seat, open the link or QR code your administrator gave you; no sign-in is needed.",
  version: "Version {version}",
};
