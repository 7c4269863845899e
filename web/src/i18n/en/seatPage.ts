export default { title: "Seat recording" };
