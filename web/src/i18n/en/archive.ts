export default { title: "Archive" };
