"""Reading and writing label files (COCO, Pascal VOC, YOLO) and images."""
